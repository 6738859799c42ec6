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


def network(activation="TANH", kind="AVERAGE", same=True, stride=2, loss="cross entropy"):
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
    last = ("SOFTMAX", "SIGMOID")[loss != "cross entropy"]
    builder.add_softmax("end", "z", "y") if last == "SOFTMAX" else builder.add_activation(
        "end", "SIGMOID", "z", "y"
    )
    return finish(builder, ["conv", "dense"], sgd(1.0, batch=SAMPLES), loss=loss)


def data(loss):
    x = np.random.default_rng(3).normal(size=(SAMPLES, 2, 7, 6)).astype(np.float32)
    y = np.arange(SAMPLES) % 3 if loss == "cross entropy" else random(SAMPLES, 3, seed=4)
    return Labelled(ArraySamples({"x": x}), y)


CASES = {
    "average pooling, tanh": {},
    "max pooling, sigmoid": {"activation": "SIGMOID", "kind": "MAX"},
    "valid": {"same": False, "stride": 2},
    "L2 pooling": {"kind": "L2"},
    "mean squared error": {"loss": datatypes.Array(3)},
}


def loss_of(model, samples):
    """The loss by its definition, from what the model predicts."""
    y = predict(model, samples.samples.arrays)["y"]
    if samples.y.ndim == 1:
        return -np.log(y[np.arange(SAMPLES), samples.y]).mean()
    return ((y - samples.y) ** 2).mean()


def moved(case, layer, field, values):
    model = network(**CASES[case])
    found = next(each for each in model.neuralNetwork.layers if each.name == layer)
    mlmodel.set_floats(getattr(mlmodel.layer_params(found), field), values)
    return model


@pytest.mark.parametrize("case", CASES)
def test_a_step_follows_the_gradient(case):
    samples = data(CASES[case].get("loss", "cross entropy"))
    trained = network(**CASES[case])
    train(trained, samples, settings(trained, epochs=1, shuffle=False))
    for layer, field in itertools.product(("conv", "dense"), ("weights", "bias")):
        before = floats_of(network(**CASES[case]), layer, field)
        gradient = before - floats_of(trained, layer, field)
        for i in np.argsort(np.abs(gradient))[-2:]:
            assert abs(gradient[i]) > 1e-4
            step = np.zeros_like(before)
            step[i] = DELTA
            up, down = (
                loss_of(moved(case, layer, field, before + sign * step), samples)
                for sign in (1, -1)
            )
            assert (up - down) / (2 * DELTA) == pytest.approx(gradient[i], rel=0.02, abs=1e-4)
