"""Which inputs can be pictures: every colour of every shape works, or is a usage error."""

import numpy as np
import pytest

import converter
from converter.backend.tensorflow import keras
from converter.errors import UsageError
from tests.converting import convert
from tests.lower.oracle import randomized

L = keras.layers


def model(shape, *first):
    head = L.Dense(2, activation="softmax", name="head")
    net = keras.Sequential([keras.Input(shape), *first, L.Flatten(), head])
    randomized(net)
    net.get_layer("head").kernel.assign(net.get_layer("head").kernel * 1e-3)
    net.compile("sgd", "sparse_categorical_crossentropy")
    return net


COLOURS = {
    (1,): (), (3,): (), (784,): (), (9, 8): ("gray",), (28, 28): ("gray",), (12, 3): ("gray",),
    (12, 1): ("gray",), (9, 8, 1): ("gray",), (9, 8, 2): (), (9, 8, 3): ("rgb", "bgr"),
    (9, 8, 4): (), (3, 9, 8): (), (1, 1, 3): ("rgb", "bgr"), (2, 9, 8, 3): (), (2, 9, 8, 1): (),
}  # fmt: skip
"""Shape of the input -> the colours that its pictures can have."""


@pytest.mark.slow
@pytest.mark.parametrize("colour", ["rgb", "bgr", "gray"])
@pytest.mark.parametrize("shape", COLOURS, ids=str)
def test_every_colour_of_every_shape(shape, colour, tmp_path):
    net = model(shape)
    if colour in COLOURS[shape]:
        spec, report = convert(net, tmp_path, image=colour)
        image = spec.description.input[0].type.imageType
        assert (image.height, image.width) == shape[:2]
        assert report.parity <= 1e-5
        return
    channels = 1 if colour == "gray" else 3
    message = f"--image {colour} needs one input of {channels} channel"
    with pytest.raises(UsageError, match=message) as error:
        convert(net, tmp_path, image=colour)
    assert error.value.exit_code == 2


@pytest.mark.parametrize("colour", ["rgb", "bgr", "gray"])
def test_two_inputs_are_no_image(colour, tmp_path):
    a, b = keras.Input((9, 8, 3)), keras.Input((9, 8, 3))
    x = L.Dense(2, activation="softmax")(L.Flatten()(L.Add()([a, b])))
    with pytest.raises(UsageError, match="is for models with one input, and this one has 2"):
        convert(keras.Model([a, b], x), tmp_path, image=colour)


TWO_AXES = {
    "flatten": lambda: [],
    "reshape": lambda: [L.Reshape((9, 8, 1)), L.Conv2D(2, 3)],
    "rescaling": lambda: [L.Rescaling(1 / 255, -0.5), L.Reshape((9, 8, 1)), L.Conv2D(2, 3)],
    "rescaling alone": lambda: [L.Rescaling(1 / 127.5, -1)],
    "a mean for each column": lambda: [L.Normalization(mean=[*range(8)], variance=[4] * 8)],
    "rows as steps": lambda: [L.Conv1D(2, 3)],
    "columns as steps": lambda: [L.Permute((2, 1)), L.Conv1D(2, 3)],
    "pooled": lambda: [L.AveragePooling1D(2)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TWO_AXES)
def test_gray_images_without_an_axis_for_their_channel(name):
    net = model((9, 8), *TWO_AXES[name]())
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 8)).astype(np.uint8)
    made = converter.convert(net, image="gray")
    assert made.report.parity <= 1e-5
    expected = np.asarray(net(pixels.astype(np.float32)))
    assert np.ptp(expected, axis=0).max() > 1e-3
    np.testing.assert_allclose(made.predict(pixels)["output"], expected, atol=1e-5)
    assert made.verify(steps=2).passed()
