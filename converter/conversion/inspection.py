"""What a Keras file holds, and for each layer: may it learn on the device, and if not, why not?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from converter.conversion.advice import Advice, advice
from converter.conversion.parameters import KerasParameters, count, parameters
from converter.conversion.source import load_as_told
from converter.conversion.stated import check_labels, stated_notes, stated_settings
from converter.conversion.steps import Step, nothing_shown
from converter.conversion.traced import loss_of, traced
from converter.conversion.wiring import read_by
from converter.coreml.interface import Pixels
from converter.errors import NotUpdatableError, UnsupportedError, UsageError
from converter.keras_file.compiled import Loss
from converter.keras_file.names import own_name
from converter.learning.choice import Candidate, default_choice
from converter.learning.head import asked
from converter.learning.network import Traced, candidates
from converter.loading import LoadedModel, output_names
from converter.lower.walk import input_blob, interface_shape
from converter.recipe import LOSSES, Objective, Recipe


@dataclass(frozen=True)
class KerasLayerRow:
    """A layer of a Keras model.

    `output` is its output's shape with None for open sizes, `weights` the number of its weights.
    `updatable` is None where the question makes no sense (no weights) or could not be answered.
    `inputs` are the layers that it reads, or inputs of the model.
    """

    name: str
    kind: str
    output: tuple[int | None, ...] | None
    weights: int
    updatable: bool | None
    reason: str = ""
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class KerasModel:
    """A Keras model. `chosen` is what learns if nothing is said; `problem` why nothing can.

    `core_ml_inputs` are the shapes that arrays would have in Core ML, where that is known. `stated`
    are settings of a recipe that lie beside the model, if it is a part of an export. `parameters`
    counts as ``summary()`` does; those of `chosen` learn. `scaling` is what the model does first to
    its pixels, as far as an image input can take it over. `advice` tells what choices of layers
    would cost, None if that was not asked.
    """

    name: str
    inputs: Mapping[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]
    loss: str | None
    optimizer: str | None
    learning_rate: float | None
    layers: tuple[KerasLayerRow, ...]
    chosen: tuple[str, ...]
    parameters: KerasParameters
    problem: str = ""
    notes: tuple[str, ...] = ()
    core_ml_inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    stated: Mapping[str, Any] = field(default_factory=dict)
    scaling: Pixels | None = None
    advice: tuple[Advice, ...] | None = None


def inspect(recipe: Recipe, step: Step = nothing_shown, *, advise: bool = False) -> KerasModel:
    """Return what the Keras file that `recipe` names holds, with `advise` what choices would cost.

    For the latter no kernel is read: it is told from shapes, biases and normalizations.

    Of the recipe, ``model``, ``weights``, ``input_shape``, ``signature``, ``output``, ``loss``,
    ``allow_unsafe``, and ``scale`` and ``bias`` in the place of a Lambda count.

    Raises:
        KerasFileError: the file cannot be read.
    """
    with step("load"):
        loaded = load_as_told(recipe, kernels=not advise)
    stated = stated_settings(loaded, recipe)
    notes = (*loaded.notes, *stated_notes(loaded.stated, stated, recipe))
    try:
        check_labels(loaded, recipe)
    except UsageError as error:
        notes = (*notes, str(error))
    given = {"scale": recipe.scale, "bias": recipe.bias}
    recipe = recipe.model_copy(update=dict.fromkeys(given))  # no image is asked for
    model, settings = loaded.model, loaded.compile_settings
    names = output_names(model)
    if recipe.output is None and len(names) > 1:
        recipe = recipe.model_copy(update={"output": names[0]})
        notes = (*notes, f"the first of {len(names)} outputs is looked at; --output names another")
    found = _findings(loaded, recipe, step)
    rate = settings.optimizer_config.get("learning_rate") if settings else None
    loss = settings.loss_of(recipe.output or names[0]) if settings else None
    return KerasModel(
        name=own_name(model.name),
        inputs={own_name(tensor.name): tuple(tensor.shape) for tensor in model.inputs},
        outputs=tuple(names),
        loss=loss.name if loss else None,
        optimizer=settings.optimizer if settings else None,
        learning_rate=rate if isinstance(rate, float) else None,
        layers=tuple(_rows(model, found)),
        chosen=found.chosen,
        parameters=parameters(model, found.chosen),
        problem=found.problem,
        notes=(*notes, *found.notes),
        core_ml_inputs=dict(zip((t.name for t in model.inputs), found.shapes, strict=False)),
        stated=stated,
        scaling=found.scaling,
        advice=tuple(_advice(loaded, found, recipe.model_copy(update=given), step))
        if advise
        else None,
    )


def _advice(loaded: LoadedModel, found: _Findings, recipe: Recipe, step: Step) -> Iterator[Advice]:
    if found.traced is not None:
        with step("advise"):
            given = recipe.model_copy(update={"loss": found.loss}) if found.loss else recipe
            settings = loaded.compile_settings
            yield from advice(loaded.model, found.traced, found.candidates, settings, given)


@dataclass(frozen=True)
class _Findings:
    """Which layers with kernels may learn, which do by default, and what keeps them from it.

    `loss` is by its name in recipes that with which they were looked at, None if it is the model's.
    """

    candidates: tuple[Candidate, ...] = ()
    chosen: tuple[str, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    scaling: Pixels | None = None
    traced: Traced | None = None
    loss: Objective | None = None


def _findings(loaded: LoadedModel, recipe: Recipe, step: Step) -> _Findings:
    """Return what is found of the model: it is traced once, whatever its loss."""
    try:
        with step("trace"):
            found = traced(loaded.model, recipe)
    except (UsageError, UnsupportedError) as error:
        return _Findings(problem=str(error))
    loss = loss_of(found, loaded.compile_settings, recipe)
    with step("lower"):
        findings = _by_loss(found, loss, () if recipe.loss else LOSSES)
    return replace(findings, shapes=_input_shapes(found), scaling=_scaling(found), traced=found)


def _scaling(found: Traced) -> Pixels | None:
    """Return what the model does first to an input of one or three channels, None if nothing."""
    first = found.leading
    if first is None or not first.is_arithmetic or len(first.scale) not in (1, 3):
        return None
    return Pixels(tuple(map(float, first.scale)), tuple(map(float, first.bias)))


def _input_shapes(found: Traced) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of the inputs in Core ML, none if it cannot have them."""
    program, interface = found.program, found.interface
    with suppress(UnsupportedError):
        return tuple(
            interface_shape(input_blob(ref.name, ref, program, interface)) for ref in program.inputs
        )
    return ()


def _by_loss(found: Traced, loss: Loss | None, guesses: Iterable[Objective]) -> _Findings:
    """Return what is found with `loss`, or with the first of `guesses` that fits."""
    try:
        return _chosen(candidates(found, loss))
    except (UsageError, UnsupportedError) as error:
        problem = str(error)
    for guess in guesses:
        with suppress(UsageError, UnsupportedError):
            able = candidates(found, asked(guess))
            note = f"looked at with the loss {guess}, because {problem}"
            return replace(_chosen(able, note), loss=guess)
    return _Findings(problem=problem)


def _chosen(found: list[Candidate], *notes: str) -> _Findings:
    """Return what learns by default, among the layers `found`."""
    try:
        chosen = tuple(layer.name for layer in default_choice(found)) if found else ()
    except NotUpdatableError:
        problem = "no layer of this model can learn on the device"
        return _Findings(tuple(found), problem=problem, notes=notes)
    return _Findings(tuple(found), chosen, notes=notes)


def _rows(model: Any, found: _Findings) -> Iterator[KerasLayerRow]:
    verdicts = {candidate.layer.name: candidate for candidate in found.candidates}
    layers = list(_layers(model))
    own = Counter(own_name(layer.name) for _, layer in layers)
    names = {
        id(layer): path if own[own_name(layer.name)] > 1 else own_name(layer.name)
        for path, layer in layers
    }
    inputs = read_by(model, names)
    for _, layer in layers:
        name = names[id(layer)]
        updatable, reason = _verdict(layer, verdicts.get(name), found.problem)
        kind, weights = type(layer).__name__, count(layer.weights)
        yield KerasLayerRow(
            name, kind, _shape(layer), weights, updatable, reason, inputs[id(layer)]
        )


def _layers(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, layer) of all layers, those of nested models in their place."""
    for layer in model.layers:
        path = f"{prefix}{own_name(layer.name)}"
        if getattr(layer, "layers", None):
            yield from _layers(layer, f"{path}/")
        else:
            yield path, layer


def _verdict(layer: Any, candidate: Candidate | None, problem: str) -> tuple[bool | None, str]:
    """Return whether `layer` may learn, None if nothing is known of that, and why not."""
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
