"""The story of a conversion: load, trace, lower, mark, write, verify."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.conversion import metadata, neighbors, scaling
from converter.conversion.interface import check_interface
from converter.conversion.neighbors import Neighbors
from converter.conversion.report import Report
from converter.conversion.source import check_size, load_source
from converter.conversion.steps import Step, nothing_shown
from converter.conversion.traced import loss_of, traced
from converter.coreml import mlmodel
from converter.coreml.inspection import inspect
from converter.coreml.wire import Encoded
from converter.files import replacing
from converter.keras_file.compiled import CompileSettings
from converter.learning import marking, notes
from converter.learning.network import Network, learning_network
from converter.learning.settings import Training, training
from converter.lower.walk import interface_shape
from converter.lower.weighted import Weighted
from converter.paths import MODEL_ENDING, Output, check_outputs, check_source
from converter.proof.predictions import (
    Expectation,
    doubted,
    expectation,
    validated,
    verified,
)
from converter.proof.update import update_checked
from converter.recipe import Recipe

SMALL, LARGE = 2**19, 2**25
"""Bytes of garbage that every conversion leaves, and that are worth a garbage collection."""

_garbage = 0


def convert_file(recipe: Recipe, step: Step = nothing_shown) -> Report:
    """Convert the Keras file that `recipe` names and write the ``.mlmodel``.

    Nothing is written unless every step succeeds, and the written bytes are what was verified.

    Raises:
        MakeUpdatableError: in one line, what is wrong and what to do.
    """
    target = recipe.destination()
    check_source(recipe.model)
    check_outputs(recipe.inputs(), [Output("", target, MODEL_ENDING)])
    with step("load"):
        loaded, left = load_source(recipe)
    prepared = prepare(loaded.model, loaded.compile_settings, left, step)
    prepared.notes += loaded.notes
    twin = loaded.model if recipe.verify_update else None
    del loaded  # big models need the memory
    return write(prepared, target, recipe, step, twin)


@dataclass
class Prepared:
    """A marked network, the weights that go into its file, and what it must then predict.

    `changed` names the layers whose weights are not those of a layer of Keras any more.
    """

    spec: mlmodel.Message
    weights: list[tuple[mlmodel.Message, Encoded]]
    expected: Expectation | None
    loss: str
    notes: tuple[str, ...]
    changed: frozenset[str]

    def compared(self, written: mlmodel.Message) -> mlmodel.Message:
        """Return what of the `written` model is compared with Keras: all of it."""
        return written


def prepare(
    model: Any, settings: CompileSettings | None, recipe: Recipe, step: Step = nothing_shown
) -> Prepared | Neighbors:
    """Return the updatable network for the live Keras `model`, with Keras's own predictions.

    `settings` are those that the model was compiled with, None if it was not.

    Raises:
        MakeUpdatableError: the model cannot be converted, or the chosen layers cannot learn.
    """
    if recipe.knn:
        return neighbors.prepare(model, recipe, step)
    plan = training(recipe, settings)  # refuses wrong numbers before anything runs
    with step("trace"):
        found = traced(model, recipe)
    check_size(weight.shape for weight in found.program.weights.values())
    with step("lower"):
        network = learning_network(found, loss_of(found, settings, recipe), recipe.layers)
    check_interface(network)
    plan, said = _told(plan, model, network, settings, recipe)
    expected = expectation(model, network, recipe) if recipe.verify else None
    spec, weights = _marked(network, plan)
    weighted = network.lowered.net.weighted.values()
    changed = frozenset(
        name for made in weighted if made.is_changed for name in (made.name, made.keras.name)
    )
    return Prepared(spec, weights, expected, network.end.loss, said, changed)


def write(
    prepared: Prepared | Neighbors,
    target: Path,
    recipe: Recipe,
    step: Step = nothing_shown,
    twin: Any | None = None,
) -> Report:
    """Write `prepared` to `target` after reading it back and comparing it with Keras.

    The file carries `recipe` as it was given. With `twin`, the live Keras model, update steps
    are compared, too; it has its own weights again afterwards.

    Raises:
        ParityError: the written model predicts or learns something else; no file is left.
        OutputError: the file cannot be written.
        UsageError: the recipe describes a feature that does not exist.
    """
    metadata.describe(prepared.spec, recipe)
    said, gap, doubt = list(prepared.notes), None, ""
    with replacing(target) as temporary:
        with step("write"):
            mlmodel.write_with(prepared.spec, prepared.weights, temporary)
            _release(prepared.weights)
            written = mlmodel.read(temporary)
        if isinstance(prepared, Neighbors) and prepared.filling is not None:
            with step("fill"):
                prepared.filling.put_into(written)
                mlmodel.write(written, temporary)
        with step("verify"):
            said += validated(written)
            if prepared.expected is not None:
                gap = verified(prepared.compared(written), prepared.expected, recipe.tolerance)
                doubt, remark = doubted(prepared.expected)
                said += [remark] if remark else []
        if twin is not None and isinstance(prepared, Prepared):
            with step("verify_update"):
                said.append(update_checked(written, twin, prepared.changed))
        return Report(
            **vars(inspect(written)), loss=prepared.loss, size=temporary.stat().st_size,
            parity=gap, notes=tuple(dict.fromkeys(said)), doubt=doubt,
        )  # fmt: skip


def _release(weights: list[tuple[mlmodel.Message, Encoded]]) -> None:
    """Let Keras's `weights` make room for those of the written model.

    They stand in circles, which only a collection takes apart. It looks at all objects of
    TensorFlow, and takes longer than the conversion of a small network: such ones share it.
    """
    global _garbage
    _garbage += SMALL + sum(values.size for _, values in weights)
    weights.clear()
    if _garbage >= LARGE:
        gc.collect()
        _garbage = 0


def _told(
    plan: Training,
    model: Any,
    network: Network,
    settings: CompileSettings | None,
    recipe: Recipe,
) -> tuple[Training, tuple[str, ...]]:
    """Return how the device will learn by `plan`, and what to know about it."""
    chosen, net, end = network.chosen, network.lowered.net, network.end
    output = network.traced.output
    said = list(notes.about(model, chosen, settings, net, output, end.loss))
    if end.binary is not None:
        plan, binary = notes.binary_head(plan, end, chosen, recipe)
        said.append(binary)
    said += notes.about_barred(network.barred)
    said += scaling.remarks(network.traced, recipe)
    said += notes.about_loss(end, recipe.classes is not None)
    return plan, (*plan.notes, *said)


def _marked(
    network: Network, plan: Training
) -> tuple[mlmodel.Message, list[tuple[mlmodel.Message, Encoded]]]:
    """Put in everything that makes the network updatable; return the model, and its weights."""
    net, builder = network.lowered.net, network.lowered.net.builder
    interface, end = network.traced.interface, network.end
    names = [name for name, made in net.weighted.items() if made.keras in network.chosen]
    weights = [
        (params, Encoded(array)) for params, array in map(Weighted.bind, net.weighted.values())
    ]
    marking.rename_blob(builder, end.blob.name, interface.output)
    shape = interface_shape(end.blob)
    marking.set_interface(builder, interface, shape)
    metadata.describe_inputs(builder.spec, network.traced)
    marking.mark(builder, names, end.loss, interface.output, shape, plan)
    marking.give_own_names(builder, net.origin)
    return builder.spec, weights
