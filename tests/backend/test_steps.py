"""TimeDistributed around layers that act on each step alone: converted, and equal to Keras."""

import pytest

from converter.backend.tensorflow import keras
from tests.converting import convert
from tests.lower.oracle import sequential

L = keras.layers
SIGNAL, ROWS = (5, 4), (6, 8, 3)

STEPS = {
    "Dense": (SIGNAL, lambda: L.Dense(6, activation="relu")),
    "Dense on rows": (ROWS, lambda: L.Dense(5)),
    "Activation": (SIGNAL, lambda: L.Activation("tanh")),
    "LeakyReLU on rows": (ROWS, L.LeakyReLU),
    "Dropout": (SIGNAL, lambda: L.Dropout(0.5)),
    "Rescaling": (SIGNAL, lambda: L.Rescaling(0.5, 1.0)),
    "Flatten": (ROWS, L.Flatten),
    "Reshape": (SIGNAL, lambda: L.Reshape((2, 2))),
    "BatchNormalization": (SIGNAL, L.BatchNormalization),
    "a model": (
        SIGNAL,
        lambda: keras.Sequential([keras.Input((4,)), L.Dense(6), L.ReLU(), L.Dense(3)]),
    ),
}


def around(kind):
    shape, inner = STEPS[kind]
    model = sequential(
        shape, L.TimeDistributed(inner(), name="steps"), L.Flatten(),
        L.Dense(3, activation="softmax", name="last"),
    )  # fmt: skip
    model.compile("sgd", "categorical_crossentropy")
    return model


@pytest.mark.parametrize("kind", STEPS)
def test_all_steps_at_once(kind, tmp_path):
    _, report = convert(around(kind), tmp_path, layers=["last"])
    assert report.parity < 1e-5


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_model_inside_is_read_from_files(suffix, tmp_path):
    import numpy as np

    from converter.loading import load

    model = around("a model")
    model.save(tmp_path / f"model{suffix}")
    x = np.random.default_rng(0).normal(size=(2, *SIGNAL)).astype(np.float32)
    np.testing.assert_array_equal(load(tmp_path / f"model{suffix}").model(x), model(x))


@pytest.mark.parametrize(
    "inner", [lambda: L.Conv1D(2, 3), lambda: L.MaxPooling1D(2), L.GlobalAveragePooling1D]
)
def test_others_are_taken_step_by_step(inner, tmp_path):
    model = sequential(
        (5, 4, 3), L.TimeDistributed(inner(), name="steps"), L.Flatten(),
        L.Dense(3, activation="softmax", name="last"),
    )  # fmt: skip
    model.compile("sgd", "categorical_crossentropy")
    _, report = convert(model, tmp_path, layers=["last"])
    assert report.parity < 1e-5
    assert [layer.kind for layer in report.layers].count("slice") == 5
