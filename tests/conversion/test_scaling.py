"""Pixels are scaled once: by the model itself, or by the options."""

import keras
import numpy as np
import pytest
from keras import applications

from converter import cli
from converter.errors import UsageError
from tests.converting import convert

L = keras.layers
IMAGE = (9, 8, 3)
PIXELS = np.random.default_rng(0).integers(0, 256, (20, *IMAGE)).astype(np.float32)


def adapted(**options):
    layer = L.Normalization(**options)
    layer.adapt(PIXELS)
    return layer


SCALES_ITSELF = {
    "Rescaling": lambda: [L.Rescaling(1 / 255)],
    "Rescaling to -1 … 1": lambda: [L.Rescaling(1 / 127.5, -1)],
    "constant Normalization": lambda: [
        L.Normalization(mean=[120.0, 110, 100], variance=[3000.0, 3100, 3200])
    ],
    "adapted Normalization": lambda: [adapted()],
    "behind Resizing": lambda: [L.Resizing(6, 5), L.Rescaling(1 / 255)],
    "behind padding": lambda: [L.ZeroPadding2D(1), L.Rescaling(1 / 255)],
    "behind augmentation": lambda: [L.RandomFlip(), L.RandomRotation(0.1), L.Rescaling(1 / 255)],
    "nested": lambda: [keras.Sequential([keras.Input(IMAGE), L.Rescaling(1 / 255)])],
    "tf": lambda: [applications.mobilenet_v2.preprocess_input],
    "torch": lambda: [applications.densenet.preprocess_input],
    "caffe": lambda: [applications.resnet50.preprocess_input],
}
"""Beginnings of models that take pixels from 0 to 255."""


def model(*begin, shape=IMAGE):
    x = given = keras.Input(shape)
    for layer in begin:
        x = layer(x)
    x = L.Conv2D(3, 3, activation="tanh", name="conv")(x)
    x = L.Dense(3, activation="softmax", name="head")(L.GlobalAveragePooling2D()(x))
    net = keras.Model(given, x)
    for name in ("conv", "head"):
        layer = net.get_layer(name)
        layer.set_weights([np.random.default_rng(1).normal(size=w.shape) for w in layer.weights])
    net.compile("sgd", "sparse_categorical_crossentropy")
    return net


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"scale": 1 / 255}, {"scale": 1 / 127.5, "bias": (-1.0,)}])
@pytest.mark.parametrize("name", SCALES_ITSELF)
def test_a_second_scaling_is_refused(name, options, tmp_path):
    with pytest.raises(UsageError, match=r"^--scale.*scales its pixels itself.*leave --scale") as e:
        convert(model(*SCALES_ITSELF[name]()), tmp_path, image="rgb", **options)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", SCALES_ITSELF)
def test_without_the_options_it_converts(name, tmp_path):
    _, report = convert(model(*SCALES_ITSELF[name]()), tmp_path, image="rgb")
    assert report.parity <= 1e-5


def test_a_second_centring_is_refused(tmp_path):
    net = model(applications.resnet50.preprocess_input)
    with pytest.raises(UsageError, match="leave --bias out"):
        convert(net, tmp_path, image="rgb", bias=(-120.0,))


def test_a_model_that_takes_scaled_values_may_be_given_them(tmp_path):
    """It makes -1 … 1 of 0 … 1, so pixels need both scalings; the note tells their sum."""
    spec, report = convert(model(L.Rescaling(2.0, -1.0)), tmp_path, image="rgb", scale=1 / 255)
    assert report.parity <= 1e-5
    assert report.pixels.scale == pytest.approx((2 / 255,) * 3)
    assert report.pixels.bias == pytest.approx((-1,) * 3)
    assert spec.neuralNetwork.preprocessing[0].scaler.channelScale == pytest.approx(1 / 255)
    assert any("by the options and then by the model itself" in note for note in report.notes)


@pytest.mark.parametrize(
    ("begin", "options", "scale", "bias"),
    [
        ([], {}, 1, 0),
        ([], {"scale": 1 / 255}, 1 / 255, 0),
        ([], {"scale": 1 / 127.5, "bias": (-1.0,)}, 1 / 127.5, -1),
        ([L.Rescaling(1 / 127.5, -1)], {}, 1 / 127.5, -1),
        ([L.Resizing(6, 5), L.Rescaling(1 / 127.5, -1)], {}, 1 / 127.5, -1),
        ([L.Rescaling(1 / 255)], {"bias": (-51.0,)}, 1 / 255, -0.2),
    ],
)
def test_what_reaches_the_first_layer(begin, options, scale, bias, tmp_path):
    _, report = convert(model(*begin), tmp_path, image="rgb", **options)
    assert report.pixels.scale == pytest.approx((scale,) * 3)
    assert report.pixels.bias == pytest.approx((bias,) * 3)


@pytest.fixture(scope="module")
def image_model(tmp_path_factory):
    """Return the file of an image model that scales pixels itself."""
    folder = tmp_path_factory.mktemp("image_model")
    net = model(L.Rescaling(1 / 255))
    net.save(folder / "model.keras")
    target = folder / "model.mlmodel"
    options = ["--image", "rgb", "-o", str(target)]
    assert cli.run(["convert", str(folder / "model.keras"), *options]) == 0
    return target


@pytest.mark.parametrize("command", ["train", "evaluate", "predict"])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_data_of_an_image_input_are_not_scaled_again(command, kind, image_model, tmp_path, capsys):
    np.savez(tmp_path / "d.npz", x=PIXELS.astype(kind), y=np.arange(20) % 3)
    more = ["-o", str(tmp_path / "t.mlmodel"), "--epochs", "1"] if command == "train" else []
    line = [command, str(image_model), "--data", str(tmp_path / "d.npz"), *more]
    assert cli.run([*line, "--scale", "1/255"]) == 2
    message = capsys.readouterr().err
    assert "--scale 0.00392157 would scale them twice; leave it out" in message
    assert cli.run(line) == 0, capsys.readouterr().err


def test_pictures_of_sixteen_bits_are_brought_to_pixels(image_model, tmp_path, capsys):
    np.savez(tmp_path / "d.npz", x=(PIXELS * 257).astype(np.uint16), y=np.arange(20) % 3)
    line = ["evaluate", str(image_model), "--data", str(tmp_path / "d.npz")]
    assert cli.run([*line, "--scale", "1/65535"]) == 2
    assert "say --scale 0.00389" in capsys.readouterr().err
    assert cli.run(line) == 1
    assert "give them as 8-bit integers" in capsys.readouterr().err
    assert cli.run([*line, "--scale", "1/257"]) == 0
    scaled = capsys.readouterr().out
    np.savez(tmp_path / "d.npz", x=PIXELS.astype(np.uint8), y=np.arange(20) % 3)
    assert cli.run(line) == 0
    assert capsys.readouterr().out == scaled
