"""Converting live Keras models in tests, down to the written file."""

from __future__ import annotations

from converter.conversion.story import prepare, write
from converter.coreml import mlmodel
from converter.load import compile_settings_of
from converter.recipe import Recipe


def convert(model, folder, **options):
    """Convert the live `model` into `folder`; return the written message and the report."""
    recipe = Recipe(model=folder / "model.h5", **options)
    target = folder / "converted.mlmodel"
    report = write(prepare(model, compile_settings_of(model), recipe), target, recipe)
    return mlmodel.read(target), report


def updatable_names(spec):
    return [layer.name for layer in mlmodel.updatable_layers(spec)]
