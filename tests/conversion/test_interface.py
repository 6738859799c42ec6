"""What goes in and comes out: images, classes, names."""

import numpy as np
import pytest

from converter.backend.tensorflow import keras
from converter.errors import UsageError
from tests.converting import IMAGE, binary, convert, small_cnn, updatable_names
from tests.lower.oracle import randomized, sequential

L = keras.layers


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_an_image_input_takes_the_leading_rescaling(colour, tmp_path):
    model = sequential(
        IMAGE, L.Rescaling(1 / 127.5, -1), L.Conv2D(4, 3), L.Flatten(), L.Dense(2), L.Softmax()
    )
    spec, report = convert(model, tmp_path, image=colour)
    (preprocessing,) = spec.neuralNetwork.preprocessing
    assert preprocessing.scaler.channelScale == pytest.approx(1 / 127.5)
    assert preprocessing.scaler.redBias == -1
    assert spec.neuralNetwork.layers[0].WhichOneof("layer") == "convolution"
    assert spec.description.input[0].type.imageType.width == 8
    assert spec.description.trainingInput[0].type == spec.description.input[0].type
    assert report.parity <= 1e-5


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_own_scale_and_bias_per_channel(colour, tmp_path):
    model = small_cnn()
    options = {"image": colour, "scale": 1 / 255, "bias": (-0.5, -0.4, -0.3)}
    spec, report = convert(model, tmp_path, **options)
    scaler = spec.neuralNetwork.preprocessing[0].scaler
    assert [scaler.redBias, scaler.greenBias, scaler.blueBias] == pytest.approx([-0.5, -0.4, -0.3])
    assert report.parity <= 1e-5


LEADING = {
    "several means, one variance": (
        lambda: [L.Normalization(mean=[120.0, 110.0, 100.0], variance=[2500.0] * 3)],
        1 / 50, (-2.4, -2.2, -2.0),
    ),
    "add, then multiply": (lambda: [lambda x: (x + 10.0) * 0.25], 0.25, (2.5, 2.5, 2.5)),
    "multiply, then add": (lambda: [lambda x: x * 0.25 + 10.0], 0.25, (10, 10, 10)),
    "turned around": (lambda: [lambda x: 1.0 - x / 255.0], -1 / 255, (1, 1, 1)),
    "subtract, then divide": (
        lambda: [lambda x: (x - np.array([10, 20, 30.0])) / 64.0],
        1 / 64, (-10 / 64, -20 / 64, -30 / 64),
    ),
    "three steps": (
        lambda: [L.Rescaling(0.5, 1.0), L.Rescaling(2.0, -3.0), lambda x: 2.0 - x],
        -1, (3, 3, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEADING)
def test_what_a_model_does_to_pixels_first_is_exact_in_the_scaler(name, tmp_path):
    steps, scale, biases = LEADING[name]
    pixels = inputs = keras.Input(IMAGE)
    for step in steps():
        pixels = step(pixels)
    end = L.Dense(2, activation="softmax")(L.Flatten()(L.Conv2D(4, 3)(pixels)))
    spec, report = convert(randomized(keras.Model(inputs, end)), tmp_path, image="rgb")
    scaler = spec.neuralNetwork.preprocessing[0].scaler
    assert scaler.channelScale == np.float32(scale)
    found = (scaler.redBias, scaler.greenBias, scaler.blueBias)
    np.testing.assert_array_almost_equal_nulp(np.float32(found), np.float32(biases), nulp=1)
    assert spec.neuralNetwork.layers[0].WhichOneof("layer") == "convolution"
    assert report.parity <= 1e-5


def test_a_rescaling_per_channel_stays_in_the_network(tmp_path):
    model = sequential(
        IMAGE,
        L.Normalization(mean=[1.0, 2, 3], variance=[1.0, 4, 9]),
        L.Flatten(),
        L.Dense(2),
        L.Softmax(),
    )
    spec, report = convert(model, tmp_path, image="rgb")
    assert spec.neuralNetwork.preprocessing[0].scaler.channelScale == 1
    assert report.parity <= 1e-5


@pytest.mark.parametrize("options", [{}, {"scale": 1 / 255}, {"bias": (-128.0,)}])
@pytest.mark.parametrize("own", [[], [L.Rescaling(1 / 255, -0.5)]], ids=["", "Rescaling"])
def test_gray_images(own, options, tmp_path):
    model = sequential((8, 8, 1), *own, L.Flatten(), L.Dense(2, activation="softmax"))
    if own and options:  # see test_scaling.py
        with pytest.raises(UsageError, match="scales its pixels itself"):
            convert(model, tmp_path, image="gray", **options)
        return
    spec, report = convert(model, tmp_path, image="gray", **options)
    image = spec.description.input[0].type.imageType
    assert image.ColorSpace.Name(image.colorSpace) == "GRAYSCALE"
    assert report.parity <= 1e-5


@pytest.mark.parametrize(
    ("labels", "kind"), [(("a", "b", "c", "d"), "stringType"), ((3, 1, 4, 5), "int64Type")]
)
def test_classifiers(labels, kind, tmp_path):
    spec, _ = convert(small_cnn(), tmp_path, classes=labels)
    description = spec.description
    assert spec.WhichOneof("Type") == "neuralNetworkClassifier"
    assert description.predictedFeatureName == "classLabel"
    assert description.predictedProbabilitiesName == "classProbability"
    assert [f.name for f in description.trainingInput] == ["image", "classLabel"]
    assert description.trainingInput[1].type.WhichOneof("Type") == kind


def test_labels_from_a_file(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("cat\n dog \n\nbird\nfish\n")
    spec, _ = convert(small_cnn(), tmp_path, classes=path)
    labels = spec.neuralNetworkClassifier.stringClassLabels.vector
    assert list(labels) == ["cat", "dog", "bird", "fish"]


def test_two_labels_for_one_sigmoid_unit(tmp_path):
    spec, _ = convert(binary(), tmp_path, classes=("cat", "dog"))
    assert list(spec.neuralNetworkClassifier.stringClassLabels.vector) == ["cat", "dog"]


WRONG_INTERFACE = {
    "too few labels": ({"classes": ("a", "b")}, "2 class labels for 4 outputs"),
    "a label twice": ({"classes": ("a", "b", "b", "c")}, "'b' is given twice"),
    "no file of labels": ({"classes": "nowhere.txt"}, r"labels \(No such file or directory\)"),
    "gray for a coloured model": ({"image": "gray"}, r"1 channel\(s\)"),
    "scale without image": ({"scale": 0.5}, "add --image rgb or bgr"),
    "two biases": ({"image": "rgb", "bias": (1.0, 2.0)}, "2 numbers for 3"),
    "equal names": ({"input_name": "x", "output_name": "x"}, "different names"),
    "momentum of adam": ({"momentum": 0.5}, "not a parameter of the optimizer adam"),
    "unknown output": ({"output": "b"}, "no output 'b'"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_INTERFACE)
def test_contradictions_are_usage_errors(name, tmp_path):
    options, message = WRONG_INTERFACE[name]
    with pytest.raises(UsageError, match=message) as error:
        convert(small_cnn(), tmp_path, **options)
    assert error.value.exit_code == 2


def test_a_keras_layer_may_have_the_name_of_the_input(tmp_path):
    model = sequential(
        IMAGE, L.Conv2D(2, 3, name="image"), L.Flatten(name="output"), L.Dense(2, name="loss"),
        L.Softmax(name="classLabel"),
    )  # fmt: skip
    spec, report = convert(model, tmp_path, layers=("loss",))
    assert updatable_names(spec) == ["loss"]
    assert report.parity <= 1e-5
