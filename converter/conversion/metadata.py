"""What a model file says about itself: author and the like, its recipe, and who made it."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from converter.coreml.features import keras_shape
from converter.coreml.interface import KERNELS_KEY, OWN_KEYS, PIXELS_KEY, SHAPES_KEY
from converter.coreml.keras_order import usual_kernel
from converter.coreml.kinds import learning_weights
from converter.coreml.mlmodel import Message, updatable_layers
from converter.coreml.pipelines import learner
from converter.errors import ModelFileError, RecipeError, UsageError
from converter.learning.network import Network, Traced
from converter.lower.weighted import Weighted
from converter.recipe import Recipe
from converter.recipe.places import parse
from converter.recipe.writing import text
from converter.trace.layer_table import LayerTable
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


def describe_kernels(spec: Message, network: Network, model: Any) -> None:
    """Write into `spec` the shapes in Keras of kernels that learn, where their kind does not tell.

    A convolution may come from a Conv1D, a depthwise or a dense layer of the live Keras `model`,
    and two rows of a dense layer from a single unit.
    """
    owner, weighted = LayerTable(model).owner, network.lowered.net.weighted
    variables = [variable for variable in model.variables if len(variable.shape) > 1]
    told = {}
    for layer in updatable_layers(learner(spec)):
        made = weighted.get(layer.name) or weighted.get(f"{layer.name}__2")
        if made is None or not learning_weights(layer):
            continue
        own = [variable for variable in variables if owner(variable) == made.keras]
        shape = next((tuple(v.shape) for v in own if _is_kernel(made, v)), None)
        if shape not in (None, usual_kernel(layer)):
            told[layer.name] = shape
    if told:
        spec.description.metadata.userDefined[KERNELS_KEY] = json.dumps(told)


def _is_kernel(made: Weighted, variable: Any) -> bool:
    """Tell whether the layer `made` has the kernel `variable`, or one of two rows of it."""
    kernel = variable.name.removesuffix("_kernel")
    is_named = len(made.keras.kernels) < 2 or made.name.endswith(f"__{kernel}")
    size = math.prod(variable.shape)
    return is_named and made.weights.size in (size, 2 * size)


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
