import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.coreml import mlmodel
from converter.coreml.mlmodel import CROSS_ENTROPY, SQUARED_ERROR
from converter.errors import ModelFileError, TrainingError
from converter.runtime import plan
from tests.runtime.helpers import random
from tests.runtime.updatable import digits, finish, line


def names(layers):
    return [layer.name for layer in layers]


def test_everything_learns():
    found = plan(digits())
    assert names(found.frozen) == []
    assert found.features == ["image"]
    assert names(found.learning)[-1] == "head"
    assert (found.loss, found.loss_blob, found.output_blob) == (CROSS_ENTROPY, "z", "y")
    assert found.target == "y_true"
    assert [p.key for p in found.parameters] == [
        (layer, field) for layer in ("conv", "dense", "head") for field in ("weights", "bias")
    ]


def test_what_lies_below_the_lowest_updatable_layer_is_frozen():
    found = plan(digits(["dense", "head"]))
    assert names(found.frozen) == ["conv", "relu", "pool", "flat"]
    assert found.features == ["f"]
    assert names(found.learning) == ["dense", "relu2", "head"]


def test_a_frozen_layer_between_updatable_ones_is_on_the_path():
    found = plan(digits(["conv", "head"]))
    assert names(found.frozen) == []
    assert {p.layer.name for p in found.parameters} == {"conv", "head"}


def test_a_frozen_branch_beside_the_learning_one():
    builder = NeuralNetworkBuilder([("x", datatypes.Array(4))], [("y", datatypes.Array(2))])
    builder.add_inner_product("left", random(3, 4), None, 4, 3, False, "x", "l")
    builder.add_inner_product("right", random(3, 4), None, 4, 3, False, "x", "r")
    builder.add_elementwise("cat", ["l", "r"], "c", "CONCAT")
    builder.add_inner_product("head", random(2, 6), None, 6, 2, False, "c", "z")
    builder.add_softmax("softmax", "z", "y")
    found = plan(finish(builder, ["left", "head"], None))
    assert names(found.frozen) == ["right"]
    assert set(found.features) == {"x", "r"}
    assert names(found.learning) == ["left", "cat", "head"]
    assert [p.key for p in found.parameters] == [("left", "weights"), ("head", "weights")]


def test_mean_squared_error_is_computed_from_the_prediction():
    found = plan(line())
    assert (found.loss, found.loss_blob, found.output_blob) == (SQUARED_ERROR, "y", "y")


def changed(change):
    model = digits()
    change(model, model.neuralNetwork)
    return model


REFUSED = {
    "not updatable": (lambda m, n: setattr(m, "isUpdatable", False), "not updatable"),
    "no loss": (lambda m, n: n.updateParams.ClearField("lossLayers"), "0 losses"),
    "two losses": (
        lambda m, n: n.updateParams.lossLayers.add().CopyFrom(n.updateParams.lossLayers[0]),
        "2 losses",
    ),
    "loss of no kind": (
        lambda m, n: n.updateParams.lossLayers[0].ClearField("categoricalCrossEntropyLossLayer"),
        "of no kind",
    ),
    "loss on logits": (
        lambda m, n: setattr(
            n.updateParams.lossLayers[0].categoricalCrossEntropyLossLayer, "input", "z"
        ),
        "softmax layer, which 'z' is not",
    ),
    "nothing learns": (
        lambda m, n: [setattr(layer, "isUpdatable", False) for layer in n.layers],
        "nothing learns",
    ),
    "weights not marked": (
        lambda m, n: setattr(n.layers[0].convolution.weights, "isUpdatable", False),
        "'conv': is updatable, but its weights is not",
    ),
    "bias not marked": (
        lambda m, n: setattr(n.layers[0].convolution.bias, "isUpdatable", False),
        "its bias is not",
    ),
    "wrong kind": (lambda m, n: setattr(n.layers[2], "isUpdatable", True), "of kind pooling"),
    "half precision": (
        lambda m, n: (
            setattr(n.layers[0].convolution.weights, "float16Value", b"00"),
            n.layers[0].convolution.weights.ClearField("floatValue"),
        ),
        "32-bit floats",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    change, message = REFUSED[case]
    with pytest.raises(TrainingError, match=message):
        plan(changed(change))


def test_a_model_of_another_kind_is_refused():
    model = mlmodel.Model_pb2.Model()
    model.glmRegressor.offset.append(1.0)
    with pytest.raises(ModelFileError, match="glmRegressor"):
        plan(model)


def test_a_loss_on_a_blob_that_nothing_makes():
    model = line()
    model.neuralNetwork.updateParams.lossLayers[0].meanSquaredErrorLossLayer.input = "ghost"
    with pytest.raises(ModelFileError, match="no blob 'ghost'"):
        plan(model)


def test_the_plan_does_not_touch_the_model():
    model = digits()
    before = model.SerializeToString(deterministic=True)
    plan(model)
    assert np.array_equal(
        np.frombuffer(before, np.uint8),
        np.frombuffer(model.SerializeToString(deterministic=True), np.uint8),
    )
