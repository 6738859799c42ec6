"""What a model learned goes into its Keras file again, and Keras then predicts the same."""

import zipfile

import numpy as np
import pytest

import converter
from converter.backend.tensorflow import keras
from tests.lower.oracle import sequential
from tests.paths import MODELS

L = keras.layers
LENET = MODELS / "lenet.h5"
CROSS = "categorical_crossentropy"


def compiled(loss, *layers, shape=(6, 6, 2)):
    model = sequential(shape, *layers)
    model.compile(keras.optimizers.Adam(0.002), loss, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


def head(units=3):
    return L.Dense(units, activation="softmax", name="head")


def flat():
    return L.Flatten(name="flat")


MODELS_OF = {
    "sigmoid": lambda: compiled(
        "binary_crossentropy", flat(), L.Dense(4, "relu", name="dense"),
        L.Dense(1, activation="sigmoid", name="head"),
    ),
    "signal": lambda: compiled(
        CROSS, L.Conv1D(4, 3, activation="relu", name="conv"), flat(), head(), shape=(9, 2),
    ),
    "depthwise": lambda: compiled(
        CROSS, L.DepthwiseConv2D(3, depth_multiplier=2, name="deep"), L.ReLU(), flat(), head(),
    ),
    "separable": lambda: compiled(
        CROSS, L.SeparableConv2D(4, 2, name="apart"), L.ReLU(), flat(), head(),
    ),
    "over pixels": lambda: compiled(
        CROSS, L.Dense(3, "relu", name="pixels"), flat(), head(),
    ),
    "normalized": lambda: compiled(
        CROSS, L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="norm"), L.ReLU(), flat(),
        head(),
    ),
    "normalized, no bias": lambda: compiled(
        CROSS, L.Conv2D(4, 3, use_bias=False, name="conv"), L.BatchNormalization(name="norm"),
        L.ReLU(), flat(), head(),
    ),
    "normalized before": lambda: compiled(
        CROSS, L.Conv2D(4, 3, activation="relu", name="conv"), L.BatchNormalization(name="norm"),
        flat(), head(),
    ),
}  # fmt: skip
"""Name -> a model in which all layers with kernels learn."""

IN_KERAS = {
    "sigmoid": {"dense/kernel": (72, 4), "head/kernel": (4, 1), "head/bias": (1,)},
    "signal": {"conv/kernel": (3, 2, 4)},
    "depthwise": {"deep/kernel": (3, 3, 2, 2), "deep/bias": (4,)},
    "separable": {"apart__depthwise/kernel": (2, 2, 2, 1), "apart__pointwise/kernel": (1, 1, 2, 4)},
    "over pixels": {"pixels/kernel": (2, 3)},
    "normalized": {"conv/kernel": (3, 3, 2, 4), "conv/bias": (4,)},
    "normalized, no bias": {"conv/kernel": (3, 3, 2, 4), "conv/bias": (4,)},
    "normalized before": {"head/kernel": (64, 3)},
}
"""Name -> shapes in Keras of weights that learn."""


def learned(model, seed=0):
    """Let `model` have other weights, as if it had been trained."""
    rng = np.random.default_rng(seed)
    model.set_weights([w + rng.normal(size=w.shape) * 0.2 for w in model.get_weights()])
    return model


def inputs(model, count=8):
    return np.random.default_rng(1).random((count, *model.inputs[0].shape[1:])).astype(np.float32)


def answers(model, x):
    """Return what the Core ML `model` answers, as Keras's last layer would."""
    found = model.predict(x)["output"]
    is_unit = model.weights["head/kernel"].shape[-1] == 1
    return found[:, 1:] if is_unit else found


def assert_equal_in_keras(path, model):
    """Check that the file at `path`, read by Keras, predicts what the Core ML `model` does."""
    twin = keras.models.load_model(path)
    x = inputs(twin)
    expected = answers(model, x)
    np.testing.assert_allclose(twin.predict(x, verbose=0), expected, atol=1e-5 * np.ptp(expected))
    return twin


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("extraction")


@pytest.fixture(scope="module", params=MODELS_OF)
def case(request, folder):
    """Return the name, the Keras file and the Core ML model with other weights than that."""
    path = folder / f"{list(MODELS_OF).index(request.param)}.keras"
    MODELS_OF[request.param]().save(path)
    model = converter.convert(path, layers=["*"], verify=False)
    return request.param, path, learned(model)


def test_weights_have_the_names_and_shapes_of_keras(case):
    name, _, model = case
    shapes = {key: array.shape for key, array in model.weights.items()}
    assert IN_KERAS[name].items() <= shapes.items()


def test_keras_predicts_what_was_learned(case, tmp_path):
    _, source, model = case
    found = model.extract(source, tmp_path / "personal.keras")
    assert found.parity < 1e-5
    assert_equal_in_keras(tmp_path / "personal.keras", model)


def test_all_else_in_the_zip_stays_as_it_is(case, tmp_path):
    _, source, model = case
    target = tmp_path / "personal.keras"
    model.extract(source, target)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target) as new:
        assert new.namelist() == old.namelist()
        for name in old.namelist():
            assert new.getinfo(name).date_time == old.getinfo(name).date_time
            assert (new.read(name) == old.read(name)) == (name != "model.weights.h5")
