"""Functions of ``keras.ops`` in a graph: what they become, or why they are refused."""

import numpy as np
import pytest
from keras import ops

from converter.backend.tensorflow import keras
from converter.errors import UnsupportedError
from tests.lower.oracle import check, lowered_spec, randomized, sequential

L = keras.layers
IMAGE = (6, 5, 3)
CHANNELS = np.linspace(0.1, 0.5, 3).astype(np.float32)
WHOLE = np.linspace(-1, 1, 90).astype(np.float32).reshape(IMAGE)


def model(function, shape=IMAGE):
    given = keras.Input(shape)
    return randomized(keras.Model(given, function(given)))


CONVERTED = {
    "one over small numbers": (lambda x: ops.reciprocal(x), ["unary"]),
    "one over the root of small numbers": (lambda x: ops.rsqrt(x), ["unary"]),
    "a number over it": (lambda x: 2 / (x + 3), ["unary", "scale"]),
    "its square": (lambda x: ops.power(x - 0.5, 2), ["bias", "multiply"]),
    "its inverse as a power": (lambda x: ops.power(x + 0.01, -1), ["unary"]),
    "the larger of it and a number": (lambda x: ops.maximum(CHANNELS, x), ["loadConstant", "max"]),
    "the smaller of it and a number": (lambda x: ops.minimum(CHANNELS, x), ["loadConstant", "min"]),
    "the larger of it and an image": (lambda x: ops.maximum(x, WHOLE), ["loadConstant", "max"]),
    "times an image": (lambda x: x * WHOLE, ["scale"]),
    "plus an image of one channel": (lambda x: x + WHOLE[:, :, :1], ["bias"]),
    "joined to a constant": (
        lambda x: ops.concatenate([x, 0 * x[..., :1] + 0.5], axis=-1), None
    ),
    "the smallest of all pixels": (lambda x: ops.min(x, axis=(1, 2)), ["reduce"]),
    "the smallest of all channels": (lambda x: ops.min(x, axis=-1), ["reduce", "permute"]),
    "an outer product": (
        lambda x: (y := ops.mean(x, axis=(1, 2)))[:, :, None] * y[:, None, :], None
    ),
    "a row plus a column": (
        lambda x: x[:, :1] + x[:, :, :1], ["slice", "slice", "upsample", "upsample", "add"]
    ),
    "the last row": (lambda x: x[:, -1], None),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVERTED)
def test_a_function_predicts_what_keras_predicts(name):
    function, kinds = CONVERTED[name]
    found = check(model(function), low=0.0005)
    assert kinds in (None, found)


REFUSED = {
    "a computed power": (lambda x: ops.power(x + 3, x), "raises to a computed power"),
    "a power of a number": (lambda x: ops.power(2.0, x), "raises to a computed power"),
    "several samples": (
        lambda x: x + np.ones((2, *IMAGE), np.float32),
        "broadcasts (1, 6, 5, 3) to (2, 6, 5, 3), which blobs cannot express",
    ),
    "five axes": (
        lambda x: x[:, None] + x[:, :, None],
        "combines values whose axes do not fit one [C, H, W] blob",
    ),
    "holes in a transposed convolution": (
        lambda x: L.Conv2DTranspose(2, 3, dilation_rate=2)(x),
        "Core ML has no dilated transposed convolution",
    ),
    "a stack of matrices": (
        lambda x: ops.matmul(x, np.arange(36, dtype=np.float32).reshape(6, 3, 2)),
        "multiplies by a stack of matrices",
    ),
    "two computed matrices": (
        lambda x: ops.matmul(x, ops.transpose(x, (0, 1, 3, 2))),
        "multiplies two computed matrices",
    ),
    "a computed kernel": (
        lambda x: ops.conv(x, ops.reshape(x[0, :2, :2], (2, 2, 3, 1))),
        "convolves with a computed kernel",
    ),
    "a pad along the samples": (
        lambda x: ops.pad(x, [[1, 0], [0, 0], [0, 0], [0, 0]]),
        "pads an axis other than height, width and channels",
    ),
    "reflected channels": (
        lambda x: ops.pad(x, [[0, 0], [0, 0], [0, 0], [1, 1]], mode="reflect"),
        "pads the channels by reflection",
    ),
    "samples joined": (
        lambda x: ops.concatenate([x, x], axis=0), "joins values along the axis of the samples"
    ),
    "a long axis repeated": (
        lambda x: ops.tile(x, [1, 2, 1, 1]), "repeats an axis that is longer than one"
    ),
    "channels repeated": (
        lambda x: ops.tile(x[..., :1], [1, 1, 1, 3]), "repeats more than height and width"
    ),
    "a constant": (
        lambda x: ops.zeros_like(x) + 1, "the model's output does not depend on its input"
    ),
    "what a layer makes of a constant": (
        lambda x: L.Dense(2)(ops.zeros_like(x)), "the model's output does not depend on its input"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_core_ml_cannot_say_is_refused(name):
    function, reason = REFUSED[name]
    with pytest.raises(UnsupportedError) as error:
        check(model(function))
    assert reason in str(error.value)


def test_layers_have_the_names_of_those_of_keras():
    layers = [
        L.Conv2D(2, 3, activation="relu", name="conv"), L.MaxPooling2D(name="pool"),
        L.Flatten(name="flat"), L.Dense(3, name="dense"), L.Softmax(name="softmax"),
    ]  # fmt: skip
    spec, _ = lowered_spec(sequential((6, 5, 3), *layers))
    names = [layer.name for layer in spec.neuralNetwork.layers]
    assert names == ["conv", "conv__activation", "pool", "flat", "dense", "softmax"]
