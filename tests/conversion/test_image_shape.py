"""Which inputs can be pictures."""

import pytest

from converter.backend.tensorflow import keras
from converter.errors import UsageError
from tests.converting import convert

L = keras.layers


def model(shape, *first):
    head = L.Dense(2, activation="softmax", name="head")
    return keras.Sequential([keras.Input(shape), *first, L.Flatten(), head])


@pytest.mark.parametrize("shape", [(9,), (9, 4), (9, 8, 1), (9, 8, 4)])
def test_a_coloured_image_has_three_channels(shape, tmp_path):
    with pytest.raises(UsageError, match="--image rgb needs one input of 3 channel"):
        convert(model(shape), tmp_path, image="rgb")


@pytest.mark.parametrize("shape", [(9,), (9, 8, 3)])
def test_a_gray_image_has_one(shape, tmp_path):
    with pytest.raises(UsageError, match="--image gray needs one input of 1 channel"):
        convert(model(shape), tmp_path, image="gray")


@pytest.mark.parametrize(
    "build", [lambda: model((9, 8, 1)), lambda: model((9, 8), L.Reshape((9, 8, 1)))]
)
def test_the_channel_of_a_gray_image_may_be_left_out(build, tmp_path):
    spec, report = convert(build(), tmp_path, image="gray")
    image = spec.description.input[0].type.imageType
    assert (image.height, image.width) == (9, 8)
    assert report.parity <= 1e-5


def test_a_signal_is_no_image(tmp_path):
    """What ``[9, 8]`` means is known only once something reads it: here, 8 channels."""
    with pytest.raises(UsageError, match="as 9 steps of 8 numbers; let it begin with Reshape"):
        convert(model((9, 8)), tmp_path, image="gray")
