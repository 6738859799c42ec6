"""Networks cut where they begin to learn, their frozen part in full or in fewer bits."""

import numpy as np
import pytest

import converter
from converter import runtime
from converter.backend.tensorflow import keras
from converter.conversion.story import prepare
from converter.coreml.inspection import inspect
from converter.coreml.mlmodel import layer_params, network
from converter.coreml.pipelines import members
from converter.coreml.quantization import stored_values
from converter.errors import MakeUpdatableError, ParityError, UsageError
from converter.loading import compile_settings_of
from converter.proof.update import verify
from converter.recipe import Recipe
from tests.converting import convert, small_cnn
from tests.lower.oracle import sequential

L = keras.layers
CLASSES = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def keras_model():
    keras.utils.set_random_seed(3)
    return small_cnn()


@pytest.fixture(scope="module")
def forms(keras_model, tmp_path_factory):
    """The same classifier of pictures in every precision: message and report."""
    return {
        precision: convert(
            keras_model, tmp_path_factory.mktemp("forms"), layout="pipeline", image="rgb",
            scale=1 / 127.5, bias=(-1.0, -0.5, 0.0), frozen_weights=precision, classes=CLASSES,
        )
        for precision in ("float32", "float16", "int8")
    }  # fmt: skip


def names(features):
    return [feature.name for feature in features]


def test_the_form_of_a_pipeline(forms):
    spec, report = forms["float32"]
    assert spec.WhichOneof("Type") == "pipelineClassifier"
    assert (spec.specificationVersion, spec.isUpdatable) == (4, True)
    (first, features), (second, tail) = members(spec)
    assert (first, second) == ("features", "learning")
    assert [layer.name for layer in network(features).layers] == [
        "conv", "conv__activation", "pool", "flat",
    ]  # fmt: skip
    assert [layer.name for layer in network(tail).layers] == [
        "dense_5", "dense_5__activation", "dense_6", "dense_6__softmax",
    ]  # fmt: skip
    assert (features.isUpdatable, tail.isUpdatable) == (False, True)
    assert names(features.description.input) == ["image"]
    assert features.description.output == tail.description.input
    (feature,) = tail.description.input
    assert (feature.name, list(feature.type.multiArrayType.shape)) == ("flat", [36])
    assert names(tail.description.trainingInput) == ["flat", "classLabel"]
    assert names(spec.description.trainingInput) == ["image", "classLabel"]
    assert spec.description.predictedFeatureName == "classLabel"
    assert list(tail.neuralNetworkClassifier.stringClassLabels.vector) == list(CLASSES)
    assert network(features).preprocessing[0].scaler.greenBias == -0.5
    assert not network(tail).preprocessing
    assert not tail.description.metadata.userDefined
    assert "layout: pipeline" in spec.description.metadata.userDefined["make-updatable.recipe"]
    assert report.parity <= 1e-5
    assert report.compression is None
    assert report.learning == "dense_5, dense_6"


@pytest.mark.parametrize(("precision", "bits"), [("float16", 11), ("int8", 7)])
def test_only_the_frozen_part_is_in_fewer_bits(forms, keras_model, precision, bits):
    spec, report = forms[precision]
    plain, _ = forms["float32"]
    stored = {layer.name: layer.precision for layer in report.layers if layer.weights}
    assert stored == {"conv": precision, "dense_5": "", "dense_6": ""}
    assert members(spec)[1] == members(plain)[1]
    kernel = keras_model.get_layer("conv").get_weights()[0].transpose(3, 2, 0, 1)
    conv = layer_params(network(members(spec)[0][1]).layers[0])
    found = stored_values(conv.weights, kernel.shape, 0, "conv")
    largest = np.abs(kernel).max((1, 2, 3), keepdims=True)
    assert 0 < np.abs(found - kernel).max() <= (largest / 2**bits).max()
    compression = report.compression
    assert compression.precision == precision
    # The recipe inside names the precision, which takes some bytes more or less.
    assert compression.size - report.size == pytest.approx(
        {"float16": 224, "int8": 108 * 3 - 4 * 8}[precision], abs=60
    )
    assert compression.parity <= 1e-5
    assert 0 < report.parity <= {"float16": 1e-3, "int8": 0.02}[precision]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_the_update_step_is_that_of_keras(forms, keras_model, precision):
    spec = type(forms[precision][0])()
    spec.CopyFrom(forms[precision][0])  # it is trained
    result = verify(spec, keras_model)
    assert result.passed(), result
    assert result.predictions <= 1e-5
    assert result.update <= 1e-5
    assert len(result.tensors) == 4
    assert (result.compressed is None) == (precision == "float32")


def test_a_frozen_part_of_another_model_is_noticed(forms, keras_model):
    spec, _ = forms["float16"]
    broken = type(spec)()
    broken.CopyFrom(spec)
    conv = layer_params(network(members(broken)[0][1]).layers[0])
    conv.weights.float16Value = conv.weights.float16Value[::-1]
    with pytest.raises(ParityError, match="no layer of the Keras model makes what 'flat'"):
        verify(broken, keras_model)


def upwards():
    """Every kind of convolution that has a layout of its own."""
    keras.utils.set_random_seed(5)
    model = sequential(
        (6, 6, 2), L.Conv2D(4, 3, activation="relu", name="conv"),
        L.DepthwiseConv2D(2, depth_multiplier=2, name="depth"),
        L.Conv2DTranspose(6, 2, strides=2, activation="relu", name="up"),
        L.GlobalAveragePooling2D(name="mean"), L.Dense(2, name="head"),
    )  # fmt: skip
    model.compile("sgd", "mse")
    return model


def test_each_output_of_every_convolution_has_a_scale(tmp_path):
    model = upwards()
    spec, report = convert(model, tmp_path, frozen_weights="int8")
    assert spec.WhichOneof("Type") == "pipeline"
    assert 0 < report.parity <= 0.02
    assert verify(spec, model).passed()
    layers = {layer.name: layer for layer in network(members(spec)[0][1]).layers}
    for name, outputs in (("conv", 4), ("depth", 8), ("up", 6)):
        linear = layers[name].convolution.weights.quantization.linearQuantization
        assert len(linear.scale) == len(linear.bias) == outputs


def test_a_model_of_keras_with_its_layers_inside_others(tmp_path):
    """What is fed need not lie at the top of the graph."""
    keras.utils.set_random_seed(5)
    inner = sequential((6, 6, 2), L.Conv2D(3, 3, name="below"), L.Conv2D(3, 3, name="above"))
    model = sequential((6, 6, 2), inner, L.Flatten(), L.Dense(2, activation="softmax"))
    model.compile("adam", "categorical_crossentropy")
    spec, _ = convert(model, tmp_path, frozen_weights="float16", layers=("above",))
    result = verify(spec, model)
    assert result.passed(), result
    assert result.compressed > 1e-6


def zeroed(name):
    model = small_cnn()
    layer = model.get_layer(name)
    layer.set_weights([np.zeros_like(array) for array in layer.get_weights()])
    return model


def huge():
    model = small_cnn()
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[0, 0, 0, 0] = 1e5
    model.get_layer("conv").set_weights([kernel, bias])
    return model


REFUSED = {
    "nothing frozen": (small_cnn, {"layers": ("*",), "layout": "pipeline"},
                       "no layer with weights comes before 'conv'"),
    "nothing frozen in int8": (
        lambda: sequential((4, 4, 1), L.MaxPooling2D(), L.Flatten(), L.Dense(2, name="d"),
                           L.Softmax()),
        {"frozen_weights": "int8"}, "no layer with weights comes before 'd'",
    ),
    "nothing that has fewer bits": (
        lambda: sequential((4, 4, 2), L.PReLU(), L.Flatten(), L.Dense(2), L.Softmax()),
        {"frozen_weights": "float16"}, "no convolution or dense layer stays as it is",
    ),
    "weights that are all zero": (lambda: zeroed("conv"), {"frozen_weights": "int8"},
                                  "^layer 'conv': all its weights are zero"),
    "weights beyond half precision": (huge, {"frozen_weights": "float16"},
                                      "^layer 'conv': holds values beyond those of float16"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_cut_is_refused_in_one_line(tmp_path, case):
    make, options, message = case
    with pytest.raises(MakeUpdatableError, match=message) as caught:
        convert(make(), tmp_path, **options)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_layer_of_zeros_that_learns_is_no_matter(tmp_path):
    spec, _ = convert(zeroed("dense_6"), tmp_path, frozen_weights="int8", tolerance=1.0)
    assert inspect(spec).as_one.layers[-2].weights == 28


def test_predictions_that_change_too_much_leave_no_file(tmp_path, keras_model):
    with pytest.raises(ParityError, match=r"differs from Keras .* try --frozen-weights float16"):
        convert(keras_model, tmp_path, frozen_weights="int8", tolerance=1e-5)
    assert not list(tmp_path.iterdir())


def test_the_changed_classes_are_counted(tmp_path):
    """One large weight in each channel leaves few integers for the others."""
    model = small_cnn()
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[0, 0, 0] = 20
    model.get_layer("conv").set_weights([kernel, bias])
    x = np.random.default_rng(2).uniform(0, 1, (60, 8, 8, 3)).astype(np.float32)
    x[:, ::2] = 0
    np.savez(tmp_path / "data.npz", x=x)
    fewer, report = convert(
        model, tmp_path, frozen_weights="int8", calibration=tmp_path / "data.npz", tolerance=9.0
    )
    after = runtime.predict(fewer, {"image": x.transpose(0, 3, 1, 2)})["output"]
    changed = np.count_nonzero(model.predict(x, verbose=0).argmax(1) != after.argmax(1))
    assert 0 < changed < 60
    found = report.compression.calibration
    assert (found.samples, found.changed) == (60, changed)
    assert f"{changed} of 60 predicted classes change" in str(found)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((3, 9, 9, 3), "do not fit the input 'image'"), ((0, 8, 8, 3), "holds no samples")],
)
def test_samples_that_do_not_fit_are_refused_before_keras_runs(
    tmp_path, keras_model, monkeypatch, shape, message
):
    np.savez(tmp_path / "data.npz", x=np.zeros(shape, np.float32))
    monkeypatch.setattr(
        "converter.conversion.network.expectation", lambda *_: pytest.fail("Keras ran")
    )
    recipe = Recipe(
        model=tmp_path / "m.h5", frozen_weights="int8", calibration=tmp_path / "data.npz"
    )
    with pytest.raises(MakeUpdatableError, match=message):
        prepare(keras_model, compile_settings_of(keras_model), recipe)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "network", "frozen_weights": "int8"}, "int8 weights are for a pipeline"),
        ({"calibration": "x.npz"}, "has no effect without frozen_weights"),
        ({"calibration": "x.npz", "frozen_weights": "int8", "verify": False}, "verify is off"),
        ({"frozen_weights": "int4"}, "frozen_weights"),
        ({"layout": 3}, "layout"),
    ],
)
def test_wrong_options_are_wrong_usage(keras_model, options, message):
    with pytest.raises(UsageError, match=message) as caught:
        converter.convert(keras_model, **options)
    assert "\n" not in str(caught.value)
