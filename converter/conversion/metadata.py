"""What a model file says about itself: author and the like, its recipe, and who made it."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterator
from contextlib import suppress

from converter.coreml.features import keras_shape
from converter.coreml.interface import OWN_KEYS, PIXELS_KEY, SHAPES_KEY
from converter.coreml.mlmodel import Message
from converter.errors import ModelFileError, RecipeError, UsageError
from converter.learning.network import Traced
from converter.recipe import Recipe
from converter.recipe.places import parse
from converter.recipe.writing import text
from converter.versions import versions

RECIPE = f"{OWN_KEYS}recipe"
VERSIONS = f"{OWN_KEYS}versions"


def describe(spec: Message, recipe: Recipe) -> None:
    """Write the recipe's metadata, the recipe itself and the versions of the tools into `spec`.

    Everything depends on the recipe alone: no time, no folder, no machine.

    Raises:
        UsageError: a feature that the recipe describes does not exist.
    """
    given, written = recipe.metadata, spec.description.metadata
    written.author = given.author or ""
    written.license = given.license or ""
    written.versionString = given.version or ""
    written.shortDescription = given.description or ""
    written.userDefined.update(given.user_defined)
    written.userDefined[RECIPE] = text(recipe)
    written.userDefined[VERSIONS] = ", ".join(" ".join(pair) for pair in versions())
    for name, meaning in given.features.items():
        for feature in _features(spec, name):
            feature.shortDescription = meaning


def describe_inputs(spec: Message, traced: Traced) -> None:
    """Write into `spec` what its inputs do not show: their shapes in Keras, and what becomes of
    an image's pixels.
    """
    written = spec.description.metadata.userDefined
    if traced.interface.pixels is not None:
        written[PIXELS_KEY] = json.dumps(dataclasses.asdict(traced.interface.pixels))
    shapes = {}
    for feature, ref in zip(spec.description.input, traced.program.inputs, strict=True):
        declared = tuple(feature.type.multiArrayType.shape)
        if declared and keras_shape(declared) != ref.shape[1:]:
            shapes[feature.name] = ref.shape[1:]
    if shapes:
        written[SHAPES_KEY] = json.dumps(shapes)


def recipe_text(spec: Message, where: str) -> str:
    """Return the recipe that the model `spec` was made by; `where` names its file in messages.

    Raises:
        ModelFileError: it carries none.
    """
    carried: str = spec.description.metadata.userDefined.get(RECIPE, "")
    if not carried:
        raise ModelFileError(f"{where}: carries no recipe; it was not converted by make-updatable")
    return carried


def recipe_of(spec: Message) -> Recipe | None:
    """Return the recipe that `spec` carries; None if there is none, or none that is understood."""
    carried = spec.description.metadata.userDefined.get(RECIPE)
    with suppress(RecipeError, ValueError, TypeError):
        return Recipe(**parse(carried, RECIPE).data) if carried else None
    return None


def _features(spec: Message, name: str) -> list[Message]:
    """Return the features called `name`: an input is a training input, too."""
    found = [feature for feature in _all_features(spec) if feature.name == name]
    if not found:
        names = list(dict.fromkeys(feature.name for feature in _all_features(spec)))
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(names)}"
        raise UsageError(f"metadata.features: the model has no feature '{name}'{hint}")
    return found


def _all_features(spec: Message) -> Iterator[Message]:
    description = spec.description
    yield from (*description.input, *description.output, *description.trainingInput)
