"""Models that turn RGB to BGR and subtract means themselves, as transfer learning does."""

import itertools

import keras
import numpy as np
import pytest
from keras import applications, ops

import converter
from converter import cli
from converter.proof.update import verify
from tests.converting import convert
from tests.lower.oracle import randomized

L = keras.layers
CAFFE = (123.68, 116.779, 103.939)
TORCH_MEAN, TORCH_DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

MODES = {
    "caffe": (applications.resnet50.preprocess_input, "bgr", 1, [-n for n in CAFFE]),
    "vgg16": (applications.vgg16.preprocess_input, "bgr", 1, [-n for n in CAFFE]),
    "tf": (applications.mobilenet_v2.preprocess_input, "rgb", 1 / 127.5, [-1, -1, -1]),
    "torch": (applications.densenet.preprocess_input, "rgb", 1, [0, 0, 0]),
    "reversal": (lambda x: x[..., ::-1], "bgr", 1, [0, 0, 0]),
    "scaled reversal": (lambda x: (x / 255.0 - 0.5)[..., ::-1] * 2.0, "bgr", 2 / 255, [-1] * 3),
    "another permutation": (
        lambda x: ops.take(x / 255.0 - ops.array([0.1, 0.2, 0.3]), [1, 2, 0], axis=-1),
        "rgb", 1 / 255, [-0.1, -0.2, -0.3],
    ),
}  # fmt: skip
"""How a model begins: the file's colours for RGB, and the scale and bias of its preprocessing."""

OTHER = {"rgb": "bgr", "bgr": "rgb"}


def model(begin):
    x = given = keras.Input((9, 8, 3))
    x = L.Conv2D(4, 3, padding="same", activation="tanh", name="conv")(begin(x))
    x = L.GlobalAveragePooling2D()(x)
    net = randomized(keras.Model(given, L.Dense(3, activation="softmax", name="head")(x)))
    kernel = net.get_layer("conv").kernel
    kernel.assign(kernel * 0.01)  # pixels up to 255 do not saturate it
    net.compile("sgd", "sparse_categorical_crossentropy")
    return net


@pytest.mark.slow
@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_order_mean_and_scale_go_into_the_image_input(name, colour, tmp_path):
    begin, colours, scale, bias = MODES[name]
    net = model(begin)
    spec, report = convert(net, tmp_path, image=colour)
    assert report.parity <= 1e-5
    image = spec.description.input[0].type.imageType
    expected = colours if colour == "rgb" else OTHER[colours]
    assert image.ColorSpace.Name(image.colorSpace).lower() == expected
    scaler = spec.neuralNetwork.preprocessing[0].scaler
    assert scaler.channelScale == pytest.approx(scale)
    by_colour = bias if colour == "rgb" else bias[::-1]
    assert [scaler.redBias, scaler.greenBias, scaler.blueBias] == pytest.approx(by_colour, rel=1e-5)
    assert any("itself" in note for note in report.notes) == (expected != colour)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "colour"), list(zip(MODES, itertools.cycle(["rgb", "bgr"]), strict=False))
)
def test_images_are_learned_from_as_in_keras(name, colour, tmp_path):
    net = model(MODES[name][0])
    spec, _ = convert(net, tmp_path, image=colour)
    result = verify(spec, net, 2)
    assert result.predictions <= 1e-5
    assert result.update <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "ending"), list(zip(MODES, itertools.cycle([".h5", ".keras"]), strict=False))
)
def test_files_give_what_the_live_model_gives(name, ending, tmp_path):
    net = model(MODES[name][0])
    path = tmp_path / f"model{ending}"
    net.save(path)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 9, 8, 3)).astype(np.uint8)
    expected = np.asarray(net(pixels.astype(np.float32)))
    assert np.ptp(expected, axis=0).max() > 3e-4
    for options in ({}, {"image": "rgb"}):
        made = converter.convert(path, **options)
        assert made.report.parity <= 1e-5
        given = pixels if options else pixels.astype(np.float32)
        np.testing.assert_allclose(made.predict(given)["output"], expected, atol=1e-5)


def test_the_sum_of_all_scalings_is_told(tmp_path, capsys):
    path, target = tmp_path / "model.keras", tmp_path / "model.mlmodel"
    model(applications.densenet.preprocess_input).save(path)
    assert cli.run(["convert", str(path), "--image", "rgb", "-o", str(target)]) == 0
    scale, bias = 1 / 255 / TORCH_DEVIATION, -TORCH_MEAN / TORCH_DEVIATION
    line = "; ".join(
        f"{colour}: {s:.6g} × pixel - {-b:.6g}"
        for colour, s, b in zip(("red", "green", "blue"), scale, bias, strict=True)
    )
    assert line in capsys.readouterr().out
    found = cli_json(["inspect", str(target), "--json"], capsys)
    assert found["pixels"]["scale"] == pytest.approx(scale.tolist(), rel=1e-5)
    assert found["pixels"]["bias"] == pytest.approx(bias.tolist(), rel=1e-5)


def cli_json(command, capsys):
    import json

    assert cli.run(command) == 0
    return json.loads(capsys.readouterr().out)
