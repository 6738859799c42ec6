"""The story of a conversion: load, trace, lower, mark, write, verify."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.conversion import metadata, neighbors, scaling
from converter.conversion.compression import calibration_samples, compression, measured
from converter.conversion.interface import check_interface
from converter.conversion.neighbors import Neighbors
from converter.conversion.new_classes import renewed
from converter.conversion.report import Report
from converter.conversion.source import check_size, load_source
from converter.conversion.steps import Step, nothing_shown
from converter.conversion.traced import loss_of, traced
from converter.coreml import mlmodel
from converter.coreml.inspection import inspect
from converter.coreml.wire import Encoded
from converter.errors import DataError
from converter.files import replacing, scratch
from converter.keras_file.compiled import CompileSettings
from converter.learning import marking, notes
from converter.learning.cut import Weights, in_pipeline
from converter.learning.head import KERAS_CROSS_ENTROPY
from converter.learning.network import Network, learning_network
from converter.learning.settings import Training, training
from converter.lower.walk import interface_shape
from converter.lower.weighted import Weighted
from converter.paths import MODEL_ENDING, Output, check_outputs, check_source
from converter.proof.predictions import (
    Expectation,
    Tolerance,
    doubted,
    expectation,
    validated,
)
from converter.proof.update import update_checked
from converter.recipe import Recipe
from converter.runtime import Samples

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
    if recipe.calibration is not None and not recipe.calibration.exists():
        raise DataError(f"{recipe.calibration}: there is no such file or folder of samples")
    with step("load"):
        loaded, left = load_source(recipe)
    prepared = prepare(loaded.model, loaded.compile_settings, left, step)
    prepared.notes += loaded.notes
    del loaded  # big models need the memory
    return write(prepared, target, recipe, step)


@dataclass
class Prepared:
    """A marked model, the weights that go into its file, and what it must then predict.

    `plain` is the same with all weights in float32, if some of them are stored in less; `samples`
    are those to compare the predicted classes of both on. `changed` names the layers whose weights
    are not those of a layer of Keras any more. `twin` is the live Keras model if update steps are
    to be compared with its.
    """

    spec: mlmodel.Message
    weights: Weights
    expected: Expectation | None
    loss: str
    notes: tuple[str, ...]
    changed: frozenset[str]
    plain: tuple[mlmodel.Message, Weights] | None = None
    samples: Samples | None = None
    twin: Any | None = None

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
        new = renewed(model, settings, recipe)
        model, recipe = new.model, new.recipe
        found = new.named(traced(model, recipe))
    check_size(weight.shape for weight in found.program.weights.values())
    with step("lower"):
        network = learning_network(found, loss_of(found, settings, recipe), recipe.layers)
    check_interface(network)
    new.check_learns(network)
    plan, said = _told(plan, model, network, settings, recipe)
    spec, weights = _marked(network, plan)
    new.describe(spec)
    plain, precision = None, recipe.frozen_weights
    if recipe.is_pipeline:
        plain = in_pipeline(spec, weights, "float32") if precision != "float32" else None
        spec, weights = in_pipeline(spec, weights, precision)
    samples = calibration_samples(recipe.calibration, spec) if recipe.calibration else None
    expected = expectation(model, network, recipe, new.ended) if recipe.verify else None
    weighted = network.lowered.net.weighted.values()
    changed = frozenset(
        name for made in weighted if made.is_changed for name in (made.name, made.keras.name)
    )
    twin = model if recipe.verify_update else None
    said = (*new.notes, *said)
    return Prepared(spec, weights, expected, network.end.loss, said, changed, plain, samples, twin)


def write(
    prepared: Prepared | Neighbors,
    target: Path,
    recipe: Recipe,
    step: Step = nothing_shown,
) -> Report:
    """Write `prepared` to `target` after reading it back and comparing it with Keras.

    The file carries `recipe` as it was given. If `prepared` has the live Keras model, update steps
    are compared, too; it has its own weights again afterwards.

    Raises:
        ParityError: the written model predicts or learns something else; no file is left.
        OutputError: the file cannot be written.
        UsageError: the recipe describes a feature that does not exist.
    """
    said, doubt, before, precision = list(prepared.notes), "", None, recipe.frozen_weights
    against = prepared.expected, prepared.samples
    with replacing(target) as temporary, _plain_file(prepared, target) as plain:
        with step("write"):
            _write(prepared.spec, prepared.weights, temporary, recipe)
            if prepared.plain is not None:
                _write(*prepared.plain, plain, recipe)
            _release(prepared.weights, *(prepared.plain or ())[1:])
        if isinstance(prepared, Neighbors) and prepared.filling is not None:
            with step("fill"):
                for file in {temporary, plain} if prepared.plain else {temporary}:
                    filled = mlmodel.read(file)
                    prepared.filling.put_into(filled)
                    mlmodel.write(filled, file)
        with step("verify"):
            if prepared.plain is not None:
                exact = Tolerance.of(recipe, "float32")
                whole = prepared.compared(mlmodel.read(plain))
                before = measured(plain, whole, *against, exact)
            written = mlmodel.read(temporary)
            said += validated(written)
            compared = prepared.compared(written)
            after = measured(temporary, compared, *against, Tolerance.of(recipe, precision))
            if prepared.expected is not None:
                doubt, remark = doubted(prepared.expected, precision)
                said += [remark] if remark else []
        if isinstance(prepared, Prepared) and prepared.twin is not None:
            with step("verify_update"):
                said.append(update_checked(written, prepared.twin, prepared.changed))
        is_class = prepared.loss == KERAS_CROSS_ENTROPY
        return Report(
            **vars(inspect(written).as_one), loss=prepared.loss, size=after.size,
            parity=after.parity, notes=tuple(dict.fromkeys(said)), doubt=doubt,
            compression=compression(before, after, precision, is_class) if before else None,
        )  # fmt: skip


def _plain_file(prepared: Prepared | Neighbors, target: Path) -> AbstractContextManager[Path]:
    """Return where the same model is written with all weights in float32, if it is."""
    return nullcontext(target) if prepared.plain is None else scratch(target)


def _write(spec: mlmodel.Message, weights: Weights, file: Path, recipe: Recipe) -> None:
    metadata.describe(spec, recipe)
    mlmodel.write_with(spec, weights, file)


def _release(*weights: Weights) -> None:
    """Let Keras's `weights` make room for those of the written model.

    They stand in circles, which only a collection takes apart. It looks at all objects of
    TensorFlow, and takes longer than the conversion of a small network: such ones share it.
    """
    global _garbage
    _garbage += SMALL + sum(values.size for each in weights for _, values in each)
    for each in weights:
        each.clear()
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


def _marked(network: Network, plan: Training) -> tuple[mlmodel.Message, Weights]:
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
