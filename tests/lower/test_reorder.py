"""Values in another order: folded into the layer that reads them, else cut out and joined."""

import keras
import numpy as np
import pytest
from keras import ops

from tests.lower.oracle import check, lowered_spec, randomized

L = keras.layers
IMAGE = (6, 5, 3)

SPELLINGS = {
    "getitem": lambda x: x[..., ::-1],
    "flip": lambda x: ops.flip(x, axis=-1),
    "take": lambda x: ops.take(x, [2, 1, 0], axis=-1),
    "take from the end": lambda x: ops.take(x, [-1, -2, -3], axis=-1),
    "stacked slices": lambda x: ops.stack([x[..., 2], x[..., 1], x[..., 0]], axis=-1),
    "joined slices": lambda x: ops.concatenate([x[..., 2:], x[..., 1:2], x[..., :1]], axis=-1),
    "joined split": lambda x: ops.concatenate(ops.split(x, 3, axis=-1)[::-1], axis=-1),
    "stacked unstack": lambda x: ops.stack(ops.unstack(x, axis=-1)[::-1], axis=-1),
    "expanded slices": lambda x: ops.concatenate(
        [ops.expand_dims(x[..., i], -1) for i in (2, 1, 0)], axis=-1
    ),
    "channels first": lambda x: ops.transpose(
        ops.flip(ops.transpose(x, (0, 3, 1, 2)), axis=1), (0, 2, 3, 1)
    ),
    "another permutation": lambda x: ops.take(x, [1, 2, 0], axis=-1),
    "roll": lambda x: ops.roll(x, 1, axis=-1),
    "a part": lambda x: x[..., ::-2],
    "a channel twice": lambda x: ops.take(x, [1, 2, 0, 0], axis=-1),
    "then scaled": lambda x: x[..., ::-1] * ops.array([1.0, 2, 3]) + ops.array([0.5, 0.1, -0.2]),
    "scaled first": lambda x: (x * ops.array([1.0, 2, 3]) - 1.0)[..., ::-1],
    "twice": lambda x: ops.roll(x[..., ::-1], 1, axis=-1),
    "padded": lambda x: ops.pad(x[..., ::-1], [[0, 0], [1, 1], [2, 0], [0, 0]]),
}
"""How models turn channels around. Each flows into a convolution without a layer of its own."""


def model(spelling, *layers, shape=IMAGE):
    x = given = keras.Input(shape)
    x = spelling(x)
    for layer in layers:
        x = layer(x)
    return randomized(keras.Model(given, x))


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_convolution_takes_the_order_of_its_channels(name):
    kinds = check(model(SPELLINGS[name], L.Conv2D(4, 2, name="conv")))
    assert [kind for kind in kinds if kind not in ("scale", "bias")] == ["convolution"]


@pytest.mark.parametrize(("shape", "kind"), [((7,), "innerProduct"), (IMAGE, "convolution")])
def test_a_dense_layer_takes_the_order_of_its_channels(shape, kind):
    assert check(model(SPELLINGS["getitem"], L.Dense(4), shape=shape)) == [kind]


@pytest.mark.parametrize(
    "layers",
    [
        [L.DepthwiseConv2D(2)], [L.Conv2D(6, 2, groups=3)], [L.ReLU()], [L.MaxPooling2D()],
        [L.Flatten(), L.Dense(3)], [L.Dense(4)], [L.Conv2DTranspose(2, 2)],
        [L.GlobalAveragePooling2D(), L.Dense(3)], [L.Softmax()], [L.Concatenate()],
    ],
    ids=lambda layers: layers[0].name if isinstance(layers, list) else None,
)  # fmt: skip
@pytest.mark.parametrize("name", ["getitem", "another permutation", "a channel twice"])
def test_other_layers_read_the_new_order(name, layers):
    def spelling(x):
        turned = SPELLINGS[name](x)
        return [turned, x] if isinstance(layers[0], L.Concatenate) else turned

    if name == "a channel twice" and getattr(layers[0], "groups", 1) == 3:
        pytest.skip("four channels are no three groups")
    check(model(spelling, *[type(layer).from_config(layer.get_config()) for layer in layers]))


@pytest.mark.parametrize(
    ("spelling", "shape"),
    [
        (lambda x: x[:, ::-1], IMAGE), (lambda x: ops.flip(x, axis=2), IMAGE),
        (lambda x: ops.flip(x, axis=(1, 3)), IMAGE), (lambda x: x[:, ::-2, 1:], IMAGE),
        (lambda x: ops.take(x, 1, axis=-1), IMAGE), (lambda x: x[:, ::-1], (7,)),
        (lambda x: ops.roll(x, 2, axis=1), (7, 3)), (lambda x: x[..., ::-1], (7, 3)),
        (lambda x: x[..., ::-1], (4, 5, 16)),
    ],
)  # fmt: skip
def test_any_axis_of_any_input(spelling, shape):
    check(model(spelling, L.Flatten(), L.Dense(3), shape=shape))


def test_a_layer_that_learns_keeps_the_order_of_its_weights():
    found = model(SPELLINGS["getitem"], L.Conv2D(4, 2, name="conv"), L.Flatten(), L.Dense(2))
    _, frozen = lowered_spec(found)
    conv = frozen.net.weighted["conv"]
    np.testing.assert_array_equal(
        conv.weights, np.asarray(found.get_layer("conv").kernel).transpose(3, 2, 0, 1)[:, ::-1]
    )
    assert conv.absorbs
    spec, learning = lowered_spec(found, [conv.keras])
    assert [layer.WhichOneof("layer") for layer in spec.neuralNetwork.layers][:5] == [
        "slice", "slice", "slice", "concat", "convolution"
    ]  # fmt: skip
    assert not learning.net.weighted["conv"].absorbs
