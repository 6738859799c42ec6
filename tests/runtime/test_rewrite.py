import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.runtime.backend import tf
from converter.runtime.joining import joined
from converter.runtime.network import run
from converter.runtime.rewrite import relu_after_pooling
from converter.runtime.weights import StoredWeights
from tests.runtime.helpers import random


def network(activation="RELU", kind="MAX", padding="VALID", between=False):
    builder = NeuralNetworkBuilder([("x", datatypes.Array(2, 7, 8))], [("y", None)])
    builder.add_activation("act", activation, "x", "a")
    builder.add_pooling("pool", 3, 2, 2, 2, kind, padding, "a", "y")
    if between:
        builder.add_activation("other", "TANH", "a", "b")
    return joined(builder.spec).layers


def kinds(layers):
    return [layer.name for layer in layers]


def result_and_gradient(layers, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = run(layers, {"x": x}, StoredWeights(), ["y"])["y"]
        loss = tf.reduce_sum(y * tf.constant(random(*y.shape, seed=9)))
    return y.numpy(), tape.gradient(loss, x).numpy()


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize("values", ["random", "many equal"])
def test_the_order_changes_neither_result_nor_gradient(padding, values):
    layers = network(padding=padding)
    swapped = relu_after_pooling(layers, ["y"])
    assert kinds(swapped) == ["pool", "act"]
    x = random(3, 7, 8, 2)
    x = tf.constant(x if values == "random" else np.round(x))
    for ours, theirs in zip(
        result_and_gradient(swapped, x), result_and_gradient(layers, x), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "case",
    [{"kind": "AVERAGE"}, {"kind": "L2"}, {"activation": "SIGMOID"}, {"between": True}],
    ids=["average", "L2", "sigmoid", "another reader"],
)
def test_other_pairs_stay(case):
    layers = network(**case)
    assert kinds(relu_after_pooling(layers, ["y"])) == kinds(layers)


def test_a_wanted_blob_stays():
    layers = network()
    assert kinds(relu_after_pooling(layers, ["a"])) == ["act", "pool"]


def test_the_given_layers_are_not_touched():
    layers = network()
    before = list(layers)
    relu_after_pooling(layers, ["y"])
    assert layers == before
    assert [(layer.input, layer.output) for layer in layers] == [(("x",), ("a",)), (("a",), ("y",))]
