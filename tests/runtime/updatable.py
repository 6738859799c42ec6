"""Small updatable networks, built with coremltools as a stranger would build them."""

import numpy as np
from coremltools.models import datatypes
from coremltools.models.neural_network import AdamParams, NeuralNetworkBuilder, SgdParams

from converter.runtime import ArraySamples, Labelled
from tests.paths import FIXTURES
from tests.runtime.helpers import random

MNIST = FIXTURES / "mnist_sample.npz"


def sgd(rate=0.1, momentum=0.0, batch=16):
    params = SgdParams(lr=rate, batch=batch, momentum=momentum)
    params.set_batch(batch, sorted({1, 4, 10, batch}))
    return params


def adam(rate=0.01, batch=16):
    params = AdamParams(lr=rate, batch=batch)
    params.set_batch(batch, sorted({1, 4, 10, batch}))
    return params


def finish(builder, layers, optimizer, loss="cross entropy", output="y"):
    builder.make_updatable(layers)
    if loss == "cross entropy":
        builder.set_categorical_cross_entropy_loss("loss", output)
    else:
        builder.set_mean_squared_error_loss("loss", (output, loss))
    optimizer = optimizer or sgd()
    is_sgd = isinstance(optimizer, SgdParams)
    (builder.set_sgd_optimizer if is_sgd else builder.set_adam_optimizer)(optimizer)
    builder.set_epochs(2, list(range(1, 21)))
    return builder.spec


def digits(layers=("conv", "dense", "head"), optimizer=None):
    """conv 4 3x3, pool, dense 16, dense 10: for MNIST, pixels from 0 to 1."""
    builder = NeuralNetworkBuilder(
        [("image", datatypes.Array(1, 28, 28))], [("y", datatypes.Array(10))]
    )
    conv, dense, head = random(3, 3, 1, 4) * 0.3, random(16, 676) * 0.05, random(10, 16) * 0.3
    builder.add_convolution(
        "conv", 1, 4, 3, 3, 1, 1, "valid", 1, conv, np.zeros(4), True, input_name="image",
        output_name="c",
    )  # fmt: skip
    builder.add_activation("relu", "RELU", "c", "r")
    builder.add_pooling("pool", 2, 2, 2, 2, "MAX", "VALID", "r", "p")
    builder.add_flatten("flat", 1, "p", "f")
    builder.add_inner_product("dense", dense, np.zeros(16), 676, 16, True, "f", "d")
    builder.add_activation("relu2", "RELU", "d", "d2")
    builder.add_inner_product("head", head, np.zeros(10), 16, 10, True, "d2", "z")
    builder.add_softmax("softmax", "z", "y")
    return finish(builder, list(layers), optimizer)


def line(n=3, m=2, optimizer=None):
    """One dense layer with mean squared error: linear regression."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(n))], [("y", datatypes.Array(m))])
    builder.add_inner_product("dense", random(m, n), random(m, seed=2), n, m, True, "x", "y")
    return finish(builder, ["dense"], optimizer, loss=datatypes.Array(m))


def mnist(part="train", count=None):
    with np.load(MNIST) as stored:
        x = (stored[f"x_{part}"][:count, None] / 255).astype(np.float32)
        return Labelled(ArraySamples({"image": x}), stored[f"y_{part}"][:count])


def floats_of(model, layer, field="weights"):
    from converter.coreml import mlmodel

    found = next(lay for lay in model.neuralNetwork.layers if lay.name == layer)
    return mlmodel.floats(getattr(mlmodel.layer_params(found), field))
