"""The gradient that a step follows, against differences of the loss; no automatic differentiation.

A step of SGD with rate 1 moves a weight by minus its gradient. The same gradient is how the loss
changes when that weight alone is moved, measured by running the changed model.
"""

import itertools

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.coreml import mlmodel
from converter.runtime import ArraySamples, Labelled, predict, settings, train
from tests.runtime.helpers import random
from tests.runtime.updatable import finish, floats_of, sgd

SAMPLES = 8
DELTA = 1e-2


def softmax(builder):
    builder.add_softmax("end", "z", "y")


def sigmoid(builder):
    builder.add_activation("end", "SIGMOID", "z", "y")


def network(
    activation="TANH", kind="AVERAGE", same=True, stride=2, end=softmax, loss="cross entropy"
):
    builder = NeuralNetworkBuilder([("x", datatypes.Array(2, 7, 6))], [("y", datatypes.Array(3))])
    w = random(3, 2, 2, 4)
    mode = "same" if same else "valid"
    builder.add_convolution(
        "conv", 2, 4, 3, 2, stride, 1, mode, 1, w * 0.5, random(4), True, input_name="x",
        output_name="c",
    )  # fmt: skip
    builder.add_activation("act", activation, "c", "a")
    builder.add_pooling("pool", 2, 2, 2, 2, kind, "SAME" if same else "VALID", "a", "p")
    builder.add_flatten("flat", 1, "p", "f")
    width = 4 * (2 * 3 if same else 1 * 2)
    dense = random(3, width) * 0.5
    builder.add_inner_product("dense", dense, random(3), width, 3, True, "f", "z")
    end(builder)
    return finish(builder, ["conv", "dense"], sgd(1.0, batch=SAMPLES), loss=loss)


def cross_entropy(found, wanted):
    return -np.log(found[np.arange(SAMPLES), wanted]).mean()


def squared_error(found, wanted):
    return ((found - wanted) ** 2).mean()


X = {"x": np.random.default_rng(3).normal(size=(SAMPLES, 2, 7, 6)).astype(np.float32)}
CLASSES = np.arange(SAMPLES) % 3, cross_entropy
NUMBERS = random(SAMPLES, 3, seed=4), squared_error

CASES = {
    "average pooling, tanh": ({}, CLASSES),
    "max pooling, sigmoid": ({"activation": "SIGMOID", "kind": "MAX"}, CLASSES),
    "valid": ({"same": False, "stride": 2}, CLASSES),
    "L2 pooling": ({"kind": "L2"}, CLASSES),
    "mean squared error": ({"end": sigmoid, "loss": datatypes.Array(3)}, NUMBERS),
}
"""The network, and what is wanted of it with the loss by its definition."""


def moved(options, layer, field, values):
    model = network(**options)
    found = next(each for each in model.neuralNetwork.layers if each.name == layer)
    mlmodel.set_floats(getattr(mlmodel.layer_params(found), field), values)
    return model


@pytest.mark.parametrize("case", CASES)
def test_a_step_follows_the_gradient(case):
    options, (wanted, loss) = CASES[case]
    trained = network(**options)
    samples = Labelled(ArraySamples(X), wanted)
    train(trained, samples, settings(trained, epochs=1, shuffle=False))
    for layer, field in itertools.product(("conv", "dense"), ("weights", "bias")):
        before = floats_of(network(**options), layer, field)
        gradient = before - floats_of(trained, layer, field)
        for i in np.argsort(np.abs(gradient))[-2:]:
            assert abs(gradient[i]) > 1e-4
            step = np.zeros_like(before)
            step[i] = DELTA
            up, down = (
                loss(predict(moved(options, layer, field, before + sign * step), X)["y"], wanted)
                for sign in (1, -1)
            )
            assert (up - down) / (2 * DELTA) == pytest.approx(gradient[i], rel=0.02, abs=1e-4)
