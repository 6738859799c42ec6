"""Small Keras models, and converting them in tests, down to the written file."""

from __future__ import annotations

from converter.backend.tensorflow import keras
from converter.conversion.story import prepare, write
from converter.coreml import mlmodel
from converter.loading import compile_settings_of
from converter.recipe import Recipe
from tests.lower.oracle import sequential

L = keras.layers
IMAGE = (8, 8, 3)


def small_cnn(units=4, activation="softmax", loss="categorical_crossentropy", optimizer="adam"):
    model = sequential(
        IMAGE, L.Conv2D(4, 3, activation="relu", name="conv"), L.MaxPooling2D(name="pool"),
        L.Flatten(name="flat"), L.Dense(6, activation="relu", name="dense_5"),
        L.Dense(units, activation=activation, name="dense_6"),
    )  # fmt: skip
    if loss:
        model.compile(optimizer, loss)
    return model


def binary(loss="binary_crossentropy", activation="sigmoid", optimizer="adam"):
    return small_cnn(units=1, activation=activation, loss=loss, optimizer=optimizer)


def convert(model, folder, **options):
    """Convert the live `model` into `folder`; return the written message and the report."""
    recipe = Recipe(model=folder / "model.h5", **options)
    target = folder / "converted.mlmodel"
    report = write(prepare(model, compile_settings_of(model), recipe), target, recipe)
    return mlmodel.read(target), report


def updatable_names(spec):
    return [layer.name for layer in mlmodel.updatable_layers(spec)]
