"""Arrays go into a model in every form of a file, or are refused: what is where, by hand."""

import numpy as np
import pytest

from converter.errors import KerasFileError
from converter.keras_file import Arrays, StoredLayer, StoredModel
from converter.keras_file.content import Group
from converter.loading.build import Builder
from converter.loading.weights import fill
from tests.keras_file.stored import KERAS_3

KERNEL = np.arange(12, dtype=np.float32).reshape(4, 3)
BIAS = np.array([7, 8, 9], np.float32)


class Unreadable:
    """An array on disk of which nothing but the shape may be asked."""

    shape = (4, 3)


def built(name="d", nests=False):
    """Return a model of one dense layer, 4 -> 3, or a model with such a model `nests` inside."""
    arguments = {"name": "d", "units": 3}
    dense = StoredLayer("d", "Dense", arguments, stored_name=name, stored_class="Dense")
    model = StoredModel(
        "s", "Sequential", layers=(dense,), input_shape=(None, 4), stored_name="s",
        stored_class="Sequential",
    )  # fmt: skip
    outer = StoredModel("outer", "Sequential", layers=(model,), input_shape=(None, 4))
    return Builder().build(outer if nests else model)


def group(kernel=KERNEL, bias=BIAS, name=""):
    return Group(name, [("d/kernel:0", kernel), ("d/bias:0", bias)])


def by_layer(**groups):
    return Arrays(Group(children=groups), by_layer=True)


def by_class(**groups):
    return Arrays(Group(children={"layers": Group(children=groups)}), by_layer=False)


def filled(model, arrays, **options):
    placed = fill(model, arrays, KERAS_3, **options)
    assert [one.variable.name for one in placed] == ["kernel", "bias"]
    return model.layer.get_weights()


def refusal(model, arrays, **options):
    with pytest.raises(KerasFileError) as caught:
        fill(model, arrays, KERAS_3, **options)
    return str(caught.value)


NESTED = {
    "flat": {"s": group()},
    "in a group of its own": {"s": Group(children={"d": group()})},
    "without the level of the model, as Keras 1": {"d": group()},
}


@pytest.mark.parametrize("form", NESTED)
def test_arrays_of_a_nested_model_stand_in_any_of_three_places(form):
    kernel, bias = filled(built(nests=True), by_layer(**NESTED[form]))
    np.testing.assert_array_equal(kernel, KERNEL)
    np.testing.assert_array_equal(bias, BIAS)


def test_arrays_that_nest_deeper_than_the_model_are_missed():
    assert refusal(built(), by_layer(s=Group(children={"d": group()}))).startswith("holds no array")


def test_a_layer_without_a_stored_name_takes_the_first_arrays_of_no_other():
    kernel, _ = filled(built(name=""), by_layer(empty=Group(), mine=group()))
    np.testing.assert_array_equal(kernel, KERNEL)
    named = refusal(built(name="e"), by_layer(empty=Group(), mine=group()))
    assert named == "holds weights of a layer 'mine' that the model does not have"


def test_arrays_by_class_are_found_by_the_class():
    kernel, bias = filled(built(), by_class(dense=group()))
    np.testing.assert_array_equal(kernel, KERNEL)
    np.testing.assert_array_equal(bias, BIAS)


@pytest.mark.parametrize("key", ["conv2d", "conv2d_1", "dens", "dense_layer"])
def test_arrays_of_a_class_that_the_model_has_not_are_refused(key):
    said = refusal(built(), by_class(**{"dense": group(), key: group()}))
    assert said == f"holds arrays of {key!r}, but the model has no such layer"
    filled(built(), by_class(**{"dense": group(), key: Group(children={"vars": Group()})}))


def test_a_number_behind_a_class_is_no_other_class():
    np.testing.assert_array_equal(filled(built(), by_class(dense_4=group()))[0], KERNEL)


def test_a_file_without_any_layers_misses_the_first_array():
    empty = Arrays(Group(children={"optimizer": group()}), by_layer=False)
    assert refusal(built(), empty) == "holds no array for s/d/kernel"


@pytest.mark.parametrize("by_name", [True, False])
def test_a_name_in_the_file_must_be_the_layers_only_where_names_count(by_name):
    for known in ("d", ""):
        filled(built(), by_class(dense=group(name=known)), by_name=by_name)
    filled(built(name=""), by_class(dense=group(name="other")), by_name=by_name)


def test_arrays_of_another_name_are_refused_unless_weights_come_from_elsewhere():
    arrays = by_class(dense=group(name="other"))
    assert refusal(built(), arrays) == "holds arrays of 'other' where those of 'd' belong"
    np.testing.assert_array_equal(filled(built(), arrays, by_name=False)[1], BIAS)


def test_without_kernels_these_are_ones_and_never_read():
    kernel, bias = filled(built(), by_layer(d=group(Unreadable())), kernels=False)
    np.testing.assert_array_equal(kernel, np.ones((4, 3)))
    np.testing.assert_array_equal(bias, BIAS)
    with pytest.raises(TypeError, match="not subscriptable"):
        filled(built(), by_layer(d=group(Unreadable())))


WRONG = {
    "of another size": np.zeros((4, 5), np.float32),
    "turned": KERNEL.T,
    "in one row": KERNEL.ravel(),
}


@pytest.mark.parametrize("form", WRONG)
def test_an_array_of_another_shape_is_refused_with_both(form):
    said = refusal(built(nests=True), by_layer(s=group(WRONG[form])))
    shape = WRONG[form].shape
    assert said == f"layer 'd' (Dense) has a kernel of shape (4, 3), but the file holds {shape}"


def test_the_size_counts_even_where_kernels_are_not_read():
    said = refusal(built(), by_layer(d=group(WRONG["of another size"])), kernels=False)
    assert said.endswith("has a kernel of shape (4, 3), but the file holds (4, 5)")
