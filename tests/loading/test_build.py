"""What is described becomes live layers: those that are shared, and models that lack an input."""

import pytest

from converter.errors import KerasFileError
from converter.keras_file import StoredLayer, StoredModel
from converter.loading.build import Builder


def dense(name, units=3, **options):
    arguments = {"name": name, "units": units}
    return StoredLayer(name, "Dense", arguments, stored_class="Dense", **options)


def test_a_layer_is_made_once_for_each_shared_id():
    builder = Builder()
    first = builder.build(dense("d", shared_id=7))
    assert builder.build(dense("d", shared_id=7)) is first
    assert builder.build(dense("d", shared_id=8)).layer is not first.layer
    assert Builder().build(dense("d", shared_id=7)).layer is not first.layer


def test_layers_without_a_shared_id_are_made_each_for_itself():
    builder = Builder()
    assert builder.build(dense("d")).layer is not builder.build(dense("d")).layer


def test_the_number_zero_is_an_id_too():
    builder = Builder()
    assert builder.build(dense("d", shared_id=0)) is builder.build(dense("d", shared_id=0))


def test_models_that_share_a_layer_have_its_variables_in_common():
    inner = [
        StoredModel(name, "Sequential", layers=(dense("d", shared_id=7),), input_shape=(None, 4))
        for name in "ab"
    ]
    builder = Builder()
    a, b = [builder.build(model).layer for model in inner]
    assert a is not b
    assert a.layers[-1] is b.layers[-1]


def test_a_sequential_inside_says_the_shape_of_its_input_or_is_refused_by_name():
    words = "^holds a model 'inner' that does not say the shape of its input$"
    for layers in ((dense("d"),), ()):
        with pytest.raises(KerasFileError, match=words):
            Builder().build(StoredModel("inner", "Sequential", layers=layers))
    given = StoredModel("inner", "Sequential", layers=(dense("d"),), input_shape=(7, 4))
    assert Builder().build(given).layer.input_shape == (None, 4)


def test_an_input_layer_gives_the_shape_and_the_name():
    pixels = StoredLayer("pixels", "InputLayer", {"name": "pixels", "batch_shape": (None, 4)})
    made = Builder().build(StoredModel("inner", "Sequential", layers=(pixels, dense("d")))).layer
    assert made.input_shape == (None, 4)
    assert made.inputs[0].name == "pixels"
    assert [layer.name for layer in made.layers] == ["d"]


def test_what_does_not_fit_is_told_in_one_line_that_names_the_layer():
    layers = (dense("d"), StoredLayer("conv", "Conv2D", {"name": "conv", "filters": 2,
              "kernel_size": 3}, stored_class="Convolution2D"))  # fmt: skip
    stored = StoredModel("s", "Sequential", layers=layers, input_shape=(None, 4))
    with pytest.raises(
        KerasFileError, match=r"^layer 'conv' \(Convolution2D\) does not fit its in"
    ):
        Builder().build(stored)
