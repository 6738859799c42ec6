"""What is written into a network of coremltools: the layers' own names, and the interface."""

import pytest

from converter.backend.coremltools import NeuralNetworkBuilder, datatypes
from converter.coreml.interface import ImageInput, Interface
from converter.learning import marking
from converter.trace.program import KerasLayer


def chain(*names, channels=3, mode=None):
    """Return a builder with a ReLU for each of `names`, each reading the one before it."""
    builder = NeuralNetworkBuilder(
        [("image", datatypes.Array(channels, 4, 5))], [(names[-1], datatypes.Array(9))], mode=mode
    )
    for name, before in zip(names, ["image", *names], strict=False):
        builder.add_activation(name, "RELU", before, name)
    return builder


def layers_of(*names):
    """Return Keras layers by the names of what they became, each called as what precedes "__"."""
    return {name: KerasLayer(name.split("__")[0], "ReLU") for name in names}


def names(builder):
    return [layer.name for layer in builder.nn_spec.layers]


def test_a_layer_gets_its_own_name_back_and_its_blob_does_not():
    builder = chain("first", "output__2")
    marking.give_own_names(builder, layers_of("output__2"))
    assert names(builder) == ["first", "output"]
    assert [list(layer.output) for layer in builder.nn_spec.layers] == [["first"], ["output__2"]]


KEPT = {
    "the name is another layer's": (("output", "output__2"), ("output__2",)),
    "a part of the layer, not all of it": (("first", "output__bias"), ("output__bias",)),
    "the number is another": (("first", "output__3"), ("output__3",)),
    "of no layer of Keras": (("first", "output__2"), ("first",)),
}


@pytest.mark.parametrize("case", KEPT)
def test_any_other_name_stays(case):
    made, known = KEPT[case]
    builder = chain(*made)
    marking.give_own_names(builder, layers_of(*known))
    assert names(builder) == list(made)


@pytest.mark.parametrize(
    ("made", "loss"),
    [
        (("first", "last"), "loss"),
        (("first", "loss__2"), "loss_"),
        (("loss_", "loss__2"), "loss__"),
    ],
)
def test_the_loss_makes_way_for_layers_of_its_name(made, loss):
    builder = chain(*made)
    builder.set_mean_squared_error_loss("loss", (made[-1], datatypes.Array(9)))
    marking.give_own_names(builder, layers_of(*made))
    assert names(builder) == [{"loss__2": "loss"}.get(name, name) for name in made]
    assert [one.name for one in builder.nn_spec.updateParams.lossLayers] == [loss]


def test_a_blob_is_renamed_wherever_it_is_read_and_written():
    builder = chain("first", "last")
    marking.rename_blob(builder, "first", "between")
    first, last = builder.nn_spec.layers
    assert [list(first.input), list(first.output)] == [["image"], ["between"]]
    assert [list(last.input), list(last.output)] == [["between"], ["last"]]
    assert names(builder) == ["first", "last"]


IMAGES = {
    "gray": (ImageInput("gray", 0.5, (7.0,)), {"grayBias": 7.0}),
    "rgb, one number": (
        ImageInput("rgb", 0.5, (7.0,)), {"redBias": 7.0, "greenBias": 7.0, "blueBias": 7.0}
    ),
    "rgb": (
        ImageInput("rgb", 0.5, (1.0, 2.0, 3.0)), {"redBias": 1.0, "greenBias": 2.0, "blueBias": 3.0}
    ),
    "bgr": (
        ImageInput("bgr", 0.5, (1.0, 2.0, 3.0)), {"redBias": 1.0, "greenBias": 2.0, "blueBias": 3.0}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", IMAGES)
def test_an_image_has_its_colours_size_scale_and_a_bias_for_each_channel(case):
    image, biases = IMAGES[case]
    builder = chain("first", "output", channels=image.channels)
    marking.set_interface(builder, Interface(("image",), "output", image), (60,))
    (step,) = builder.nn_spec.preprocessing
    assert step.featureName == "image"
    assert step.scaler.channelScale == 0.5
    stored = {field.name: value for field, value in step.scaler.ListFields()}
    assert stored == {"channelScale": 0.5, **biases}
    declared = builder.spec.description.input[0].type.imageType
    assert (declared.width, declared.height) == (5, 4)
    colours = {"gray": "GRAYSCALE", "rgb": "RGB", "bgr": "BGR"}
    assert declared.colorSpace == declared.ColorSpace.Value(colours[image.colour])


def test_without_an_image_and_labels_the_output_has_its_shape_alone():
    builder = chain("output")
    marking.set_interface(builder, Interface(("image",), "output"), (2, 3, 4))
    assert list(builder.spec.description.output[0].type.multiArrayType.shape) == [2, 3, 4]
    assert builder.spec.description.input[0].type.WhichOneof("Type") == "multiArrayType"
    assert not builder.nn_spec.preprocessing
    assert builder.spec.WhichOneof("Type") == "neuralNetwork"
    assert not builder.spec.description.predictedFeatureName


@pytest.mark.parametrize(
    ("labels", "kind", "stored"),
    [
        (("cat", "dog"), "stringType", "stringClassLabels"),
        ((7, 9), "int64Type", "int64ClassLabels"),
    ],
)
def test_labels_make_a_classifier(labels, kind, stored):
    builder = chain("shares", mode="classifier")
    interface = Interface(("image",), "shares", labels=labels, label="animal")
    marking.set_interface(builder, interface, (2,))
    described = builder.spec.description
    assert described.predictedFeatureName == "animal"
    assert described.predictedProbabilitiesName == "shares"
    assert {f.name: f.type.WhichOneof("Type") for f in described.output} == {
        "shares": "dictionaryType", "animal": kind
    }  # fmt: skip
    assert list(getattr(builder.nn_spec, stored).vector) == list(labels)
    assert builder.nn_spec.labelProbabilityLayerName == "shares"
