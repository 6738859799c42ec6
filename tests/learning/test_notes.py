"""What is said of a model that learns otherwise on the device than in Keras."""

import pytest

from converter.backend.tensorflow import keras
from tests.converting import IMAGE, convert, small_cnn
from tests.lower.oracle import sequential

L = keras.layers


def test_batch_norm_behind_a_learning_layer_is_folded_and_said(tmp_path):
    model = sequential(
        IMAGE, L.Flatten(), L.Dense(5, name="a"), L.BatchNormalization(name="norm"), L.ReLU(),
        L.Dense(3, name="b", activation="softmax"),
    )  # fmt: skip
    spec, report = convert(model, tmp_path, layers=("a", "b"))
    assert "batchnorm" not in [layer.WhichOneof("layer") for layer in spec.neuralNetwork.layers]
    assert any("'norm' (BatchNormalization) is folded into 'a'" in note for note in report.notes)


def test_batch_norm_between_learning_layers_is_folded_forward(tmp_path):
    model = sequential(
        IMAGE, L.Flatten(), L.Dense(5, name="a", activation="relu"),
        L.BatchNormalization(name="norm"), L.Dense(3, name="b", activation="softmax"),
    )  # fmt: skip
    _, report = convert(model, tmp_path, layers=("a", "b"))
    assert any("is folded into 'b'" in note for note in report.notes)


def test_a_saturated_network_is_compared_by_its_logits_and_nothing_is_said(tmp_path):
    model = sequential((5,), L.Dense(3, activation="softmax"))
    model.set_weights([1e5 * array for array in model.get_weights()])
    _, report = convert(model, tmp_path)
    assert not any("saturate" in note or "little" in note for note in report.notes)
    assert report.parity <= 1e-6


def test_linear_regression_and_one_batch_size_are_no_reason_to_warn(tmp_path):
    """Models of this form have trained on phones; that the app cannot choose is no fault."""
    model = sequential((5,), L.Dense(4, activation="relu"), L.Dense(1))
    model.compile("sgd", "mean_squared_error")
    spec, report = convert(model, tmp_path, epochs={"default": 3, "allowed": [3]})
    assert list(spec.neuralNetwork.updateParams.epochs.set.values) == [3]
    assert report.notes == ()


UNSPOKEN = {
    "RMSprop": ({"optimizer": "rmsprop"}, "no RMSprop"),
    "amsgrad": ({"optimizer": keras.optimizers.Adam(amsgrad=True)}, "AMSGrad"),
    "weight decay": ({"optimizer": keras.optimizers.AdamW()}, "weight decay"),
    "clipping": ({"optimizer": keras.optimizers.SGD(clipnorm=1.0)}, "clipping"),
    "schedule": (
        {
            "optimizer": keras.optimizers.SGD(
                keras.optimizers.schedules.ExponentialDecay(0.3, 10, 0.9)
            )
        },
        "learning-rate schedule",
    ),
    "label smoothing": (
        {"loss": keras.losses.CategoricalCrossentropy(label_smoothing=0.1)},
        "label smoothing",
    ),
}


@pytest.mark.parametrize("name", UNSPOKEN)
def test_what_core_ml_has_no_word_for_is_said_once(name, tmp_path):
    options, words = UNSPOKEN[name]
    _, report = convert(small_cnn(**options), tmp_path)
    assert len([note for note in report.notes if words in note]) == 1


@pytest.mark.parametrize(
    "optimizer",
    ["sgd", "adam", keras.optimizers.Adam(0.003, 0.8, 0.99, 1e-5), keras.optimizers.SGD(0.1, 0.5)],
)
def test_a_plain_optimizer_loses_nothing(optimizer, tmp_path):
    _, report = convert(small_cnn(optimizer=optimizer), tmp_path)
    assert report.notes == ()


def test_dropout_and_regularizers_are_said(tmp_path):
    model = sequential(
        (5,), L.Dropout(0.5, name="drop"), L.Dense(3, kernel_regularizer="l2", name="dense"),
        L.Softmax(),
    )  # fmt: skip
    _, report = convert(model, tmp_path)
    assert any("without dropout (drop)" in note for note in report.notes)
    assert any("no kernel regularizer; 'dense'" in note for note in report.notes)
