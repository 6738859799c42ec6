"""The Keras model of a conversion: read as its recipe says, and small enough for a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from converter.conversion.stated import check_labels, stated_notes, stated_settings
from converter.coreml import mlmodel
from converter.errors import UnsupportedError
from converter.keras_file import Scaling
from converter.loading import LoadedModel, load
from converter.recipe import Recipe


@dataclass(frozen=True)
class Source:
    """A loaded Keras model and what shall become of it.

    `recipe` is the one given, with what an export states beside the model; a scale and a bias that
    take the place of a Lambda are in the model, and no longer in the recipe that is `left`. `notes`
    tell what was stated.
    """

    loaded: LoadedModel
    recipe: Recipe
    left: Recipe
    notes: tuple[str, ...]


def load_source(recipe: Recipe) -> Source:
    """Load the Keras file that `recipe` names.

    Raises:
        KerasFileError: the file cannot be read, or not without running code stored in it.
        UnsupportedError: the model is larger than a ``.mlmodel`` can be.
        UsageError: class labels lie beside the model that cannot be taken.
    """
    loaded = load_as_told(recipe, check=_check_unread)
    left = recipe if loaded.scaling else _without_scaling(recipe)
    check_labels(loaded, recipe)
    taken = stated_settings(loaded, recipe)
    return Source(
        loaded,
        recipe.model_copy(update=taken),
        left.model_copy(update=taken),
        (*loaded.notes, *stated_notes(loaded.stated, taken, recipe)),
    )


def load_as_told(
    recipe: Recipe, *, check: Callable[[Any], None] = lambda model: None, kernels: bool = True
) -> LoadedModel:
    """Load the Keras model that `recipe` names, as its settings about reading say.

    `check` and `kernels` are those of `converter.loading.load`.

    Raises:
        KerasFileError: the model cannot be read, or not without running code stored in it.
        UsageError: the settings do not fit its form.
    """
    return load(
        recipe.model,
        weights=recipe.weights,
        allow_unsafe=recipe.allow_unsafe,
        input_shape=recipe.input_shape,
        signature=recipe.signature,
        lambda_scaling=_scaling_of(recipe),
        check=check,
        kernels=kernels,
    )


def _scaling_of(recipe: Recipe) -> Scaling | None:
    """Return the scale and bias of `recipe`, or None if it has neither."""
    if recipe.scale is None and recipe.bias is None:
        return None
    bias = recipe.bias or (0.0,)
    return 1.0 if recipe.scale is None else recipe.scale, bias[0] if len(bias) == 1 else bias


def _without_scaling(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"scale": None, "bias": None})


def check_size(shapes: Iterable[tuple[int, ...]]) -> None:
    """Refuse, before the long work starts, float32 weights of `shapes` that no file could hold.

    Raises:
        UnsupportedError: together they are larger than a ``.mlmodel`` can be.
    """
    size = 4 * sum(math.prod(shape) for shape in shapes)
    if size > mlmodel.LARGEST_MESSAGE:
        raise UnsupportedError(
            f"the model has {size / 1e9:.1f} GB of weights, but a Core ML model file holds at most "
            "2.1 GB; convert a smaller model"
        )


def _check_unread(model: Any) -> None:
    """Refuse a model that is too large before its weights are read, unless a part is chosen."""
    if len(model.outputs) == 1:
        check_size(tuple(variable.shape) for variable in model.weights)
