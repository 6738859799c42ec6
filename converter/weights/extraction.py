"""Into Keras again: what a model has learned goes back into the file that it was converted from.

The file is converted once more, as the recipe in the model says: so it is known which variable each
layer came from and what was folded into it, and that is undone. Then both models must predict the
same, and only then anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from converter import runtime
from converter.conversion.metadata import recipe_of
from converter.conversion.new_classes import Renewed, renewed_again
from converter.conversion.source import load_source
from converter.conversion.traced import loss_of, traced
from converter.coreml.mlmodel import CROSS_ENTROPY, Message, layer_params, updatable_layers
from converter.coreml.pipelines import learner
from converter.errors import (
    KerasFileError,
    NotUpdatableError,
    ParityError,
    UnsupportedError,
    UsageError,
)
from converter.files.paths import Input, Output, check_outputs, check_source
from converter.files.writing import replacing
from converter.keras_file import check_kind, unpacked
from converter.keras_file.storage import GRAPH_ALONE
from converter.learning.network import learning_network
from converter.loading import LoadedModel
from converter.lower.weighted import Weighted
from converter.proof.correspondence import correspondence, random_samples
from converter.proof.feeding import fed, is_compressed
from converter.recipe import Recipe
from converter.trace.layer_table import LayerTable
from converter.trace.program import Array
from converter.weights.homes import home
from converter.weights.keras_writing import ENDINGS, write, write_with_new_classes
from converter.weights.tensors import NAMES, Tensor, tensors

TOLERANCE = 1e-4
"""How far the predictions of Keras may be from the model's, relative to their range."""

SAMPLES = 8


@dataclass(frozen=True)
class Extracted:
    """What was put into the Keras file: the names of its variables, and how far both then are.

    `parity` is the difference of the predictions, relative to their range.
    """

    variables: tuple[str, ...]
    parity: float
    notes: tuple[str, ...]


def extract(
    spec: Message,
    source: Path,
    target: Path,
    weights: Path | None = None,
    *,
    allow_unsafe: bool = False,
) -> Extracted:
    """Write to `target` the Keras file `source` with what the model `spec`, made of it, learned.

    `target` ends in ``.keras`` or ``.h5``. In the format of `source` all else stays as it is in the
    file; in another one, with `weights` of a file of their own, and with new classes, Keras writes
    the model anew, compiled as before.

    Raises:
        KerasFileError: `source` cannot be read.
        TrainingError: nothing learns in `spec`, or it keeps samples instead of weights.
        UnsupportedError: what was learned has no place in Keras, or the file cannot be written in
            the other format without a loss.
        NotUpdatableError: the file is not the one that the model was converted from.
        ParityError: with what was learned, Keras predicts something else than the model.
        OutputError: the file cannot be written.
    """
    tensors(spec)  # says what has no weights that learn, before anything is read
    check_source(source)
    inputs = [Input("--into", source), *([Input("--weights", weights)] if weights else [])]
    check_outputs(inputs, [Output("", target, ENDINGS)])
    check_kind(source, weights)
    loaded, new = _loaded(spec, source, weights, allow_unsafe)
    if loaded.built is None:
        raise KerasFileError(f"{source}: {GRAPH_ALONE}")
    values = dict(_learned(spec, loaded, new))
    by_id = {id(variable): variable for variable in loaded.model.variables}
    for key, array in values.items():
        _assign(by_id[key], array)
    parity = _parity(spec, loaded.model)
    with unpacked(source) as place, replacing(target) as temporary:
        if new is not None and new.ended is not None:
            notes = write_with_new_classes(loaded, place, temporary, target.suffix, allow_unsafe)
        else:
            changed = None if weights else values
            notes = write(loaded, place, temporary, target.suffix, changed, allow_unsafe)
    owner = LayerTable(loaded.model).owner
    names = tuple(f"{owner(by_id[key]).name}/{by_id[key].name}" for key in values)
    return Extracted(names, parity, (*loaded.notes, *notes))


def _loaded(
    spec: Message, source: Path, weights: Path | None, allow_unsafe: bool
) -> tuple[LoadedModel, Renewed | None]:
    """Return the Keras model with the classes that `spec` has, and how it was converted.

    None where that is unknown, of a model of another tool.
    """
    made_by = recipe_of(spec)
    if made_by is not None and made_by.weights is not None and weights is None:
        raise UsageError(
            f"{source}: the model was converted with weights of another file, {made_by.weights}; "
            "give it with --weights"
        )
    changes = {
        "model": source,
        "weights": weights,
        "allow_unsafe": allow_unsafe,
        "output_path": None,
    }
    recipe = (made_by or Recipe(model=source)).model_copy(update=changes)
    found = load_source(recipe)
    loaded = found.loaded
    if made_by is None:
        return loaded, None
    new = renewed_again(loaded.model, loaded.compile_settings, found.left, spec)
    return replace(loaded, model=new.model), new


def _learned(
    spec: Message, loaded: LoadedModel, new: Renewed | None
) -> Iterator[tuple[int, Array]]:
    """Yield the ``id`` of each variable that learned, and its values in 64 bits."""
    if new is None:
        yield from _by_name(spec, loaded.model)
        return
    found, recipe = new.named(traced(loaded.model, new.recipe)), new.recipe
    network = learning_network(
        found, loss_of(found, loaded.compile_settings, recipe), recipe.layers
    )
    weighted, owner = network.lowered.net.weighted, LayerTable(loaded.model).owner
    variables = {id(variable): variable for variable in loaded.model.variables}
    chosen = {name for name, made in weighted.items() if made.keras in network.chosen}
    for layer in updatable_layers(learner(spec)):
        made = _made(layer, weighted, chosen)
        stored = {t.field: t.values() for t in tensors(spec) if t.layer.name == layer.name}
        place = home(made, variables, owner)
        for variable, array in place.learned(stored["weights"], stored.get("bias")):
            yield id(variable), array


def _made(layer: Message, weighted: dict[str, Weighted], chosen: set[str]) -> Weighted:
    """Return the freshly converted layer that is `layer`."""
    made = weighted.get(layer.name) or weighted.get(f"{layer.name}__2")
    params = layer_params(layer)
    if made is None or made.name not in chosen:
        raise _stranger(f"layer '{layer.name}' learns, and none of the file is that")
    if params.outputChannels != made.outputs or params.hasBias != (made.bias is not None):
        raise _stranger(f"layer '{layer.name}' has other sizes")
    return made


def _stranger(what: str) -> NotUpdatableError:
    return NotUpdatableError(
        f"the Keras file is not the one that the model was converted from: {what}"
    )


def _by_name(spec: Message, model: Any) -> Iterator[tuple[int, Array]]:
    """Yield what learned in a model of another tool, whose layers are called as in Keras."""
    owner = LayerTable(model).owner
    for tensor in tensors(spec):
        variable = next((v for v in model.variables if _is_same(tensor, v, owner(v).name)), None)
        if variable is None:
            shape = list(tensor.order.shape)
            raise _stranger(f"it has no '{tensor.name}' of shape {shape}")
        yield id(variable), tensor.get().astype(np.float64)


def _is_same(tensor: Tensor, variable: Any, owner: str) -> bool:
    is_kind = variable.name.endswith(NAMES[tensor.field])
    return is_kind and owner == tensor.layer.name and tuple(variable.shape) == tensor.order.shape


def _assign(variable: Any, array: Array) -> None:
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise UnsupportedError(
            f"{variable.path}: without what was folded into it, what was learned is no finite "
            "number in 32 bits"
        )
    variable.assign(values)


def _parity(spec: Message, model: Any) -> float:
    """Return how far the predictions of both are apart, relative to their range.

    Of a model whose frozen part is stored in fewer bits, those from the same features.
    """
    plan = runtime.plan(spec)
    found = correspondence(spec, model, plan, SAMPLES)
    gap = found.difference
    if is_compressed(spec):
        rng = np.random.default_rng(0)
        batch = random_samples(spec, model, found.reading, SAMPLES, rng, found.look)
        _, gap = fed(spec, model, batch, found, plan.loss == CROSS_ENTROPY)
    if gap > TOLERANCE:
        raise ParityError(
            "with what was learned the Keras model does not predict what the model does: it is "
            f"{gap:.1e} of the range away (allowed {TOLERANCE:.0e}); is it the file that was "
            "converted? Nothing was written"
        )
    return gap
