"""The network that learns is the same, and is lowered once, however its layers are chosen."""

import numpy as np
import pytest

from converter.backend.tensorflow import keras
from converter.conversion.traced import loss_of, traced
from converter.coreml import mlmodel
from converter.errors import UnsupportedError
from converter.keras_file.compiled import Loss
from converter.learning import network
from converter.learning.network import candidates, learning_network
from converter.recipe import Recipe
from tests.converting import convert, updatable_names

L = keras.layers
IMAGE = (6, 6, 2)


def model(*layers):
    """Return a Sequential model whose weights are all random."""
    made = keras.Sequential([keras.Input(IMAGE), *layers])
    rng = np.random.default_rng(0)
    for variable in made.variables:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return made


def dense_tail():
    return model(
        L.Rescaling(1 / 255, -0.5), L.Conv2D(3, 3, activation="relu", name="conv"), L.Flatten(),
        L.Dense(4, activation="relu", name="first"), L.Dense(3, activation="softmax", name="last"),
    )  # fmt: skip


def rescaled_convolution():
    return model(
        L.Rescaling(1 / 255, -0.5), L.Conv2D(3, 3, name="last"), L.GlobalAveragePooling2D(),
        L.Softmax(),
    )  # fmt: skip


def normalized_dense():
    return model(
        L.Conv2D(3, 3, activation="relu"), L.BatchNormalization(), L.Flatten(),
        L.Dense(3, activation="softmax", name="last"),
    )  # fmt: skip


def normalized_between():
    return model(
        L.Flatten(), L.Dense(4, activation="relu", name="first"), L.BatchNormalization(),
        L.Dense(3, activation="softmax", name="last"),
    )  # fmt: skip


DEFAULTS = {
    "nothing absorbed": (dense_tail, ("first", "last"), 1),
    "a rescaling": (rescaled_convolution, ("last",), 2),
    "a batch norm": (normalized_dense, ("last",), 2),
    "a batch norm between": (normalized_between, ("first", "last"), 2),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_default_choice_gives_the_network_that_naming_it_gives(name, tmp_path):
    build, names, _ = DEFAULTS[name]
    keras_model = build()
    default, _ = convert(keras_model, tmp_path)
    named, _ = convert(keras_model, tmp_path, layers=names)
    assert updatable_names(default) == list(names)
    assert mlmodel.network(default) == mlmodel.network(named)


@pytest.mark.parametrize("name", DEFAULTS)
def test_it_is_lowered_again_only_if_a_chosen_layer_had_absorbed_something(name, monkeypatch):
    build, names, times = DEFAULTS[name]
    calls, lower = [], network.lower

    def counted(program, interface, updatable):
        calls.append([layer.name for layer in updatable])
        return lower(program, interface, updatable)

    monkeypatch.setattr(network, "lower", counted)
    recipe = Recipe(model="model.h5")
    found = traced(build(), recipe)
    learning_network(found, loss_of(found, None, recipe))
    assert calls == [[], list(names)][:times]
    calls.clear()
    learning_network(found, loss_of(found, None, recipe), names)
    assert calls == [list(names)]


def test_the_candidates_are_all_layers_with_a_kernel_and_why_one_cannot_learn():
    walled = model(
        L.Conv2D(3, 3, name="conv"), L.Softmax(name="wall"), L.Flatten(),
        L.Dense(4, activation="relu", name="first"), L.Dense(3, activation="softmax", name="last"),
    )  # fmt: skip
    found = candidates(traced(walled, Recipe(model="model.h5")), Loss("categorical_crossentropy"))
    assert [(one.layer.name, one.kinds) for one in found] == [
        ("conv", ("convolution",)), ("first", ("innerProduct",)), ("last", ("innerProduct",)),
    ]  # fmt: skip
    wall, *free = [one.reason for one in found]
    assert wall.startswith("cannot be reached by the gradient: layer 'wall' (Softmax), in Core ML")
    assert free == [None, None]


def test_a_loss_that_does_not_fit_is_told_with_the_one_that_does():
    found = traced(dense_tail(), Recipe(model="model.h5"))
    with pytest.raises(UnsupportedError) as caught:
        candidates(found, Loss("mean_squared_error"))
    assert str(caught.value) == (
        "the model ends in softmax, through which Core ML cannot carry back a mean squared error; "
        "choose what the device shall minimise: --loss categorical_crossentropy"
    )
