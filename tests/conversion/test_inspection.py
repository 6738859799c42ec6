"""The way to what ``inspect`` says of a Keras file."""

from contextlib import contextmanager

import pytest

from converter.backend.tensorflow import keras
from converter.conversion.inspection import inspect
from converter.recipe import Recipe

L = keras.layers


def image_model(*layers):
    return keras.Sequential([keras.Input((6, 6, 2)), L.Conv2D(2, 3, name="conv"), *layers])


MODELS = {
    "as compiled": (image_model(L.Flatten(), L.Dense(3, activation="softmax")), True, ["dense"]),
    "second guess": (image_model(L.Flatten(), L.Dense(1, activation="tanh")), False, ["dense"]),
    "no loss at all": (image_model(), False, []),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_traced_once_whatever_its_loss(name, tmp_path):
    model, is_compiled, chosen = MODELS[name]
    if is_compiled:
        model.compile("adam", "categorical_crossentropy")
    model.save(tmp_path / "model.keras")
    steps = []

    @contextmanager
    def step(what):
        steps.append(what)
        yield

    found = inspect(Recipe(model=tmp_path / "model.keras"), step)
    assert steps == ["load", "trace", "lower"]
    assert [layer.split("_")[0] for layer in found.chosen] == chosen
    assert bool(found.problem) == (not chosen)
