"""The conversion to a k-nearest-neighbours classifier behind a frozen network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from converter.conversion import metadata, scaling
from converter.conversion.parameters import parameters
from converter.conversion.prepared import Prepared
from converter.conversion.source import check_size
from converter.conversion.steps import Step
from converter.conversion.traced import traced
from converter.coreml.interface import Interface
from converter.coreml.pipelines import members
from converter.errors import UsageError
from converter.learning.cut import compressed
from converter.learning.network import Traced
from converter.neighbors import build
from converter.neighbors.cut import Cut, cut
from converter.neighbors.filling import Filling, filling
from converter.neighbors.proof import expected_features
from converter.neighbors.settings import NO_TEXT, default_label, settings
from converter.recipe import Recipe


def prepare(model: Any, recipe: Recipe, step: Step) -> Prepared:
    """Return the live Keras `model` up to a layer, and an updatable classifier behind it.

    Raises:
        MakeUpdatableError: the model cannot be converted, or the samples do not fit it.
    """
    chosen = settings(recipe)
    with step("trace"):
        found = traced(model, recipe)
    at = cut(found.program, recipe.knn if isinstance(recipe.knn, str) else None)
    check_size(weight.shape for weight in at.program.weights.values())
    interface = _interface(found, recipe)
    with step("lower"):
        network, weights, lowered = build.extractor(at, interface)
    expected = expected_features(model, found, lowered, at, recipe) if recipe.verify else None
    with step("read the samples"):
        by_name = build.classifier(at.dimensions, chosen, NO_TEXT, interface)
        form, _ = build.pipeline(network, [], by_name)
        filled = filling(recipe, form, interface.labels)
    label = default_label(recipe, filled.labels if filled else interface.labels)
    last = build.classifier(at.dimensions, chosen, label, interface)
    plain, precision = None, recipe.frozen_weights
    spec, inside = build.pipeline(network, weights, last)
    metadata.describe_inputs(spec, found)
    if precision != "float32":
        plain = spec, inside
        spec, inside = build.pipeline(network, weights, last)
        metadata.describe_inputs(spec, found)
        inside = compressed(inside, members(spec)[0][1], precision)
    said = tuple(_told(found, at, filled, recipe))
    return Prepared(
        spec, inside, expected, "", said, plain=plain, features_only=True, filling=filled,
        parameters=parameters(model, ()),
    )  # fmt: skip


def _interface(found: Traced, recipe: Recipe) -> Interface:
    """Return the names that the app sees.

    Raises:
        UsageError: two of them are the same.
    """
    interface = replace(found.interface, output=recipe.output_name or "classProbability")
    names = (*interface.inputs, interface.output, interface.label, build.VECTOR)
    if len(set(names)) < len(names):
        raise UsageError(
            f"inputs, outputs and the features, '{build.VECTOR}', must have different names"
        )
    return interface


def _told(found: Traced, at: Cut, filled: Filling | None, recipe: Recipe) -> Iterator[str]:
    """Yield what to know about the conversion."""
    yield f"the features are the {at.dimensions} numbers of {at.layer}"
    if at.program.outputs == found.program.outputs:
        yield "the layer is the last one: what neighbors compare are the model's own answers"
    yield from scaling.remarks(found, recipe)
    if filled is not None:
        yield from filled.notes
