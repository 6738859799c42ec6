"""The conversion to a network whose layers learn by a loss."""

from __future__ import annotations

from typing import Any

from converter.conversion import metadata, scaling
from converter.conversion.compression import calibration_samples
from converter.conversion.interface import check_interface
from converter.conversion.new_classes import renewed
from converter.conversion.parameters import parameters
from converter.conversion.prepared import Prepared
from converter.conversion.source import check_size
from converter.conversion.steps import Step
from converter.conversion.traced import loss_of, traced
from converter.coreml.mlmodel import Message
from converter.keras_file.compiled import CompileSettings
from converter.learning import marking, notes
from converter.learning.cut import Weights, bound, in_pipeline
from converter.learning.network import Network, learning_network
from converter.learning.settings import Training, training
from converter.lower.walk import interface_shape
from converter.proof.predictions import expectation
from converter.recipe import Recipe


def prepare(model: Any, settings: CompileSettings | None, recipe: Recipe, step: Step) -> Prepared:
    """Return the updatable network for the live Keras `model`, with Keras's own predictions.

    `settings` are those that the model was compiled with, None if it was not.

    Raises:
        MakeUpdatableError: the model cannot be converted, or the chosen layers cannot learn.
    """
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
    spec, weights, said = marked(model, network, plan, settings, recipe)
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
    counts = parameters(model, {layer.name for layer in network.chosen})
    return Prepared(
        spec, weights, expected, network.end.loss, said, changed, plain, samples, twin,
        parameters=counts,
    )  # fmt: skip


def marked(
    model: Any, network: Network, plan: Training, settings: CompileSettings | None, recipe: Recipe
) -> tuple[Message, Weights, tuple[str, ...]]:
    """Return `network`, of the live Keras `model`, ready to learn by `plan`; what to know of it."""
    plan, said = _told(plan, model, network, settings, recipe)
    spec, weights = _marked(network, plan)
    metadata.describe_kernels(spec, network, model)
    return spec, weights, said


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


def _marked(network: Network, plan: Training) -> tuple[Message, Weights]:
    """Put in everything that makes the network updatable; return the model, and its weights."""
    net, builder = network.lowered.net, network.lowered.net.builder
    interface, end = network.traced.interface, network.end
    names = [name for name, made in net.weighted.items() if made.keras in network.chosen]
    weights = bound(net.weighted.values())
    marking.rename_blob(builder, end.blob.name, interface.output)
    shape = interface_shape(end.blob)
    marking.set_interface(builder, interface, shape)
    metadata.describe_inputs(builder.spec, network.traced)
    marking.mark(builder, names, end.loss, interface.output, shape, plan)
    marking.give_own_names(builder, net.origin)
    return builder.spec, weights
