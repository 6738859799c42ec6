"""What a Keras file holds, and for each layer: may it learn on the device, and if not, why not?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from converter.conversion.story import Step, candidates, nothing_shown
from converter.errors import NotUpdatableError, UnsupportedError, UsageError
from converter.keras_file.compiled import CompileSettings, Loss
from converter.learning.choice import Candidate, default_choice
from converter.load import load, output_names
from converter.recipe import Recipe

GUESSES = (
    Loss("categorical_crossentropy", {"from_logits": True}),
    Loss("mean_squared_error"),
)
"""Losses to look at the layers with, where the model's own is unknown to Core ML."""


@dataclass(frozen=True)
class KerasLayerRow:
    """A layer of a Keras model.

    `output` is its output's shape with None for open sizes, `weights` the number of its weights.
    `updatable` is None where the question makes no sense (no weights) or could not be answered.
    """

    name: str
    kind: str
    output: tuple[int | None, ...] | None
    weights: int
    updatable: bool | None
    reason: str = ""


@dataclass(frozen=True)
class KerasModel:
    """A Keras model. `chosen` is what learns if nothing is said; `problem` why nothing can."""

    name: str
    inputs: Mapping[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]
    loss: str | None
    optimizer: str | None
    learning_rate: float | None
    layers: tuple[KerasLayerRow, ...]
    chosen: tuple[str, ...]
    problem: str = ""
    notes: tuple[str, ...] = ()


def inspect(recipe: Recipe, step: Step = nothing_shown) -> KerasModel:
    """Return what the Keras file that `recipe` names holds.

    Of the recipe, ``model``, ``input_shape``, ``output``, ``loss`` and ``allow_unsafe`` count.

    Raises:
        KerasFileError: the file cannot be read.
    """
    with step("load"):
        loaded = load(
            recipe.model, allow_unsafe=recipe.allow_unsafe, input_shape=recipe.input_shape
        )
    return inspect_model(loaded.model, loaded.compile_settings, recipe, loaded.notes, step)


def inspect_model(
    model: Any,
    settings: CompileSettings | None,
    recipe: Recipe,
    notes: tuple[str, ...] = (),
    step: Step = nothing_shown,
) -> KerasModel:
    """Return what the live Keras `model` holds."""
    names = output_names(model) if getattr(model, "outputs", None) else []
    if recipe.output is None and len(names) > 1:
        recipe = recipe.model_copy(update={"output": names[0]})
        notes = (*notes, f"the first of {len(names)} outputs is looked at; --output names another")
    found, problem, remark = _found(model, settings, recipe, step)
    verdicts = {candidate.layer.name: candidate for candidate in found}
    chosen: tuple[str, ...] = ()
    if found and not problem:
        try:
            chosen = tuple(layer.name for layer in default_choice(found))
        except NotUpdatableError:
            problem = "no layer of this model can learn on the device"
    rate = settings.optimizer_config.get("learning_rate") if settings else None
    loss = settings.loss_of(recipe.output or names[0]) if settings and names else None
    return KerasModel(
        name=model.name,
        inputs={t.name: tuple(t.shape) for t in getattr(model, "inputs", None) or ()},
        outputs=tuple(names),
        loss=loss.name if loss else None,
        optimizer=settings.optimizer if settings else None,
        learning_rate=rate if isinstance(rate, float) else None,
        layers=tuple(_rows(model, verdicts, problem)),
        chosen=chosen,
        problem=problem,
        notes=(*notes, *remark),
    )


def _found(
    model: Any, settings: CompileSettings | None, recipe: Recipe, step: Step
) -> tuple[list[Candidate], str, tuple[str, ...]]:
    """Return the layers with kernels, or what keeps the model from being converted; and remarks."""
    try:
        return candidates(model, settings, recipe, step=step), "", ()
    except (UsageError, UnsupportedError) as error:
        first = str(error)
    except NotUpdatableError as error:
        return [], str(error), ()
    for guess in () if recipe.loss else GUESSES:
        try:
            found = candidates(model, settings, recipe, guess, step)
        except (UsageError, UnsupportedError):
            continue
        return found, "", (f"looked at with the loss {guess.name}, because {first}",)
    return [], first, ()


def _rows(model: Any, verdicts: Mapping[str, Candidate], problem: str) -> Iterator[KerasLayerRow]:
    layers = list(_layers(model))
    names = [layer.name for _, layer in layers]
    for path, layer in layers:
        name = layer.name if names.count(layer.name) == 1 else path
        weights = sum(math.prod(v.shape) for v in layer.weights)
        updatable, reason = _verdict(layer, verdicts.get(name), problem)
        yield KerasLayerRow(name, type(layer).__name__, _shape(layer), weights, updatable, reason)


def _layers(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, layer) of all layers, those of nested models in their place."""
    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        if getattr(layer, "layers", None):
            yield from _layers(layer, f"{path}/")
        else:
            yield path, layer


def _verdict(layer: Any, candidate: Candidate | None, problem: str) -> tuple[bool | None, str]:
    if not layer.weights:
        return None, ""
    if candidate is not None:
        return candidate.reason is None, candidate.reason or ""
    if problem:
        return None, ""
    if any(len(v.shape) > 1 for v in layer.weights):
        return False, "does not contribute to the output that is trained"
    return False, "has no kernel; Core ML updates convolutions and dense layers only"


def _shape(layer: Any) -> tuple[int | None, ...] | None:
    """Return the shape of a layer's first output; of a shared layer that of its first use."""
    try:
        outputs = layer.output
    except (AttributeError, ValueError):  # never called; the error differs between versions
        return None
    first = outputs[0] if isinstance(outputs, list) else outputs
    return tuple(first.shape)
