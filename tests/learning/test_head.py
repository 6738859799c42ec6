"""The end of the network: what training minimises, and the layers this takes."""

import numpy as np
import pytest

from converter import runtime
from converter.backend.tensorflow import keras
from converter.coreml import mlmodel
from converter.errors import UnsupportedError, UsageError
from tests.converting import IMAGE, binary, convert, small_cnn
from tests.lower.oracle import sequential

L = keras.layers


def test_logits_get_their_softmax(tmp_path):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    spec, report = convert(small_cnn(activation=None, loss=loss), tmp_path)
    assert spec.neuralNetwork.layers[-1].WhichOneof("layer") == "softmax"
    assert report.loss == "categorical_crossentropy"
    assert report.parity <= 1e-5


def test_one_sigmoid_unit_becomes_two_classes(tmp_path):
    model = binary()
    spec, report = convert(model, tmp_path, layers=("dense_6",))
    head = next(layer for layer in spec.neuralNetwork.layers if layer.name == "dense_6")
    weights = mlmodel.floats(head.innerProduct.weights).reshape(2, 6)
    np.testing.assert_array_equal(weights[0], 0)
    np.testing.assert_array_equal(weights[1], model.get_layer("dense_6").get_weights()[0].ravel())
    adam = spec.neuralNetwork.updateParams.optimizer.adamOptimizer
    assert adam.learningRate.defaultValue == pytest.approx(0.0005)
    assert any("half the learning rate" in note for note in report.notes)
    x = np.random.default_rng(0).uniform(size=(4, *IMAGE)).astype(np.float32)
    found = runtime.predict(spec, {"image": x.transpose(0, 3, 1, 2)})["output"]
    np.testing.assert_allclose(found[:, 1], model(x).numpy()[:, 0], atol=1e-6)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_a_sigmoid_head_among_others_keeps_its_rate_and_is_told(tmp_path):
    spec, report = convert(binary(), tmp_path, layers=("dense_5", "dense_6"))
    adam = spec.neuralNetwork.updateParams.optimizer.adamOptimizer
    assert adam.learningRate.defaultValue == pytest.approx(0.001)
    assert any("step is doubled" in note for note in report.notes)


def test_an_explicit_rate_is_not_halved(tmp_path):
    spec, _ = convert(binary(), tmp_path, layers=("dense_6",), learning_rate=0.25)
    adam = spec.neuralNetwork.updateParams.optimizer.adamOptimizer
    assert adam.learningRate.defaultValue == 0.25


def test_one_logit_becomes_two_classes(tmp_path):
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    spec, report = convert(binary(loss, activation=None), tmp_path)
    assert spec.neuralNetwork.layers[-1].WhichOneof("layer") == "softmax"
    assert report.parity <= 1e-5


SQUARES = "--loss mean_squared_error"


@pytest.mark.parametrize(
    ("units", "activation", "loss", "offers"),
    [
        (1, "sigmoid", "hinge", f"--loss binary_crossentropy or {SQUARES}"),
        (1, None, "hinge",
         f"--loss binary_crossentropy (takes the linear output as a logit) or {SQUARES}"),
        (3, "sigmoid", "hinge", SQUARES),
        (1, "sigmoid", "huber", SQUARES),
        (3, "sigmoid", "huber", SQUARES),
    ],
)  # fmt: skip
def test_for_a_loss_that_core_ml_lacks_those_of_its_kind_are_offered(
    units, activation, loss, offers, tmp_path
):
    with pytest.raises(UnsupportedError) as error:
        convert(small_cnn(units, activation, loss), tmp_path)
    assert str(error.value) == (
        f"Core ML cannot train with the loss '{loss}' of this model; choose what the device shall "
        f"minimise: {offers}"
    )


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", None])
def test_regression_by_mean_squared_error(activation, tmp_path):
    spec, report = convert(small_cnn(3, activation, "mse"), tmp_path)
    loss = spec.neuralNetwork.updateParams.lossLayers[0]
    assert loss.WhichOneof("LossLayerType") == "meanSquaredErrorLossLayer"
    target = spec.description.trainingInput[-1]
    assert list(target.type.multiArrayType.shape) == [3]
    assert report.notes == ()


def test_image_to_image_models_are_refused_in_one_sentence(tmp_path):
    model = sequential(IMAGE, L.Conv2D(3, 3, padding="same", activation="sigmoid"))
    model.compile("adam", "mse")
    with pytest.raises(UnsupportedError, match=r"output is an image \[8, 8, 3\]"):
        convert(model, tmp_path)


BY_STEP = {
    "softmax": (2, "softmax", "categorical_crossentropy"),
    "one sigmoid": (1, "sigmoid", "binary_crossentropy"),
    "logits": (2, None, keras.losses.CategoricalCrossentropy(from_logits=True)),
    "values": (2, None, "mse"),
}


@pytest.mark.parametrize("name", BY_STEP)
def test_answers_for_each_step_are_no_image(name, tmp_path):
    units, activation, loss = BY_STEP[name]
    model = sequential((512, 1), L.Conv1D(units, 3, padding="same", activation=activation))
    model.compile("adam", loss)
    words = rf"output \[512, {units}\] has 512 steps \(positions\), .* one answer for each sample"
    with pytest.raises(UnsupportedError, match=words) as caught:
        convert(model, tmp_path)
    assert "image" not in str(caught.value)


def test_one_value_for_each_step_is_a_vector(tmp_path):
    model = sequential((12, 1), L.Conv1D(1, 3, padding="same", name="conv"))
    model.compile("sgd", "mse")
    spec, report = convert(model, tmp_path)
    assert report.parity <= 1e-5
    assert list(spec.description.output[0].type.multiArrayType.shape) == [12]


REFUSED_HEADS = {
    "independent sigmoids": (
        {"units": 3, "activation": "sigmoid", "loss": "binary_crossentropy"},
        UnsupportedError,
        "binary cross-entropy over 3",
    ),
    "softmax by squares": ({"loss": "mse"}, UnsupportedError, "ends in softmax"),
    "classes on one output": (
        {"units": 1, "activation": None, "loss": "sparse_categorical_crossentropy"},
        UnsupportedError,
        "needs one number per class, but the model's output is a single one; .* --loss "
        "binary_crossentropy .* or --loss mean_squared_error",
    ),
    "softmax over one unit": (
        {"units": 1, "loss": "categorical_crossentropy"},
        UnsupportedError,
        "always 1",
    ),
    "absolute error": (
        {"units": 1, "activation": None, "loss": "mae"},
        UnsupportedError,
        "mean_absolute_error",
    ),
    "unknown regression": ({"units": 2, "activation": None, "loss": None}, UsageError, "--loss"),
    "probabilities without softmax": (
        {"activation": "sigmoid"},
        UnsupportedError,
        r"the sigmoid of layer 'dense_6' \(Dense\); .* --loss mean_squared_error$",
    ),
}


@pytest.mark.parametrize("name", REFUSED_HEADS)
def test_what_core_ml_cannot_minimise_is_refused(name, tmp_path):
    options, error, message = REFUSED_HEADS[name]
    with pytest.raises(error, match=message) as caught:
        convert(small_cnn(**options), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_named_loss_wins_over_the_stored_one(tmp_path):
    _, report = convert(small_cnn(2, None, "mae"), tmp_path, loss="mean_squared_error")
    assert report.loss == "mean_squared_error"


def test_a_sigmoid_that_no_dense_layer_feeds(tmp_path):
    """There is no row of weights to which a second one could be added."""
    model = sequential(
        (8,), L.Dense(4, name="dense"), L.Reshape((4, 1)), L.GlobalAveragePooling1D(),
        L.Activation("sigmoid"),
    )  # fmt: skip
    model.compile("sgd", "binary_crossentropy")
    with pytest.raises(UnsupportedError, match="does not come straight from a dense layer"):
        convert(model, tmp_path)
