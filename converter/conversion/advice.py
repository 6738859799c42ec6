"""What each sensible choice of layers that learn would cost, before anything is converted.

The network of each choice is made as a conversion makes it, and counted from the shapes of its
weights: no number of a kernel counts, and nothing is encoded, written or computed with samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.conversion import metadata
from converter.conversion.network import marked
from converter.conversion.parameters import parameters
from converter.conversion.traced import loss_of
from converter.coreml import mlmodel
from converter.coreml.cost import NUMBER, Cost
from converter.coreml.encoding import Precision
from converter.coreml.kinds import stored_weights
from converter.coreml.mlmodel import Message
from converter.coreml.wire import Encoded
from converter.errors import MakeUpdatableError, UnsupportedError
from converter.keras_file.compiled import CompileSettings
from converter.learning.choice import Candidate, default_choice
from converter.learning.cut import Weights, in_pipeline
from converter.learning.network import Traced, learning_network
from converter.learning.settings import Training, training
from converter.recipe import Recipe

MOST = 24
"""Choices that begin at one layer after the other; of a deeper network they lie evenly apart."""

FORMS: dict[str, tuple[dict[str, str], Precision]] = {
    "network": ({}, "float32"),
    "pipeline": ({"layout": "pipeline"}, "float32"),
    "pipeline_float16": ({"frozen_weights": "float16"}, "float16"),
    "pipeline_int8": ({"frozen_weights": "int8"}, "int8"),
}
"""Form of the file -> the settings of a recipe that ask for it, and how frozen weights are then."""


@dataclass(frozen=True)
class Memory:
    """Bytes that a step takes: what samples leave behind on the way forward, weights, optimizer.

    `activations` are those of `batch_size` samples; `optimizer` is what it remembers of each weight
    that learns: momentum, or Adam's two moments.
    """

    batch_size: int
    activations: int
    weights: int
    optimizer: int
    total: int


@dataclass(frozen=True)
class Advice:
    """Layers that may learn together, and what that costs.

    `what` says in words which they are. `multiply_adds` are those of one sample in a step of the
    update, of which `forward` through all layers. `sizes` are the bytes of the file by its form,
    None where there is no such form: nothing with weights stays frozen.
    """

    what: str
    layers: tuple[str, ...]
    is_default: bool
    weights: int
    multiply_adds: int
    forward: int
    memory: Memory
    sizes: dict[str, int | None]


def advice(
    model: Any,
    found: Traced,
    candidates: Sequence[Candidate],
    settings: CompileSettings | None,
    recipe: Recipe,
) -> Iterator[Advice]:
    """Yield each sensible choice among `candidates`, the layers of the live Keras `model`.

    A choice that a conversion by `recipe` would refuse is left out.

    Raises:
        MakeUpdatableError: `recipe` and the settings of the model contradict each other.
    """
    able = [candidate for candidate in candidates if candidate.reason is None]
    loss, plan = loss_of(found, settings, recipe), training(recipe, settings)
    usual = tuple(layer.name for layer in default_choice(able)) if able else ()
    for layers, what in _choices(able).items():
        own = recipe.model_copy(update={"layers": layers})
        with suppress(MakeUpdatableError):
            network = learning_network(found, loss, layers)
            spec, weights, _ = marked(model, network, plan, settings, own)
            yield _told(model, what, spec, weights, plan, own, layers == usual)


def _told(
    model: Any,
    what: str,
    spec: Message,
    weights: Weights,
    plan: Training,
    recipe: Recipe,
    is_default: bool,
) -> Advice:
    """Return what is to know of the marked network `spec`: the layers of `recipe` learn in it."""
    cost = Cost(spec)
    arithmetic, layers = cost.arithmetic(), recipe.layers
    return Advice(
        what,
        layers,
        is_default,
        parameters(model, layers).learning,
        arithmetic.total,
        arithmetic.forward,
        _memory(spec, weights, cost, plan),
        _sizes(spec, weights, recipe),
    )


def _choices(able: Sequence[Candidate]) -> dict[tuple[str, ...], str]:
    """Return choices of layers that can learn, by their names, and what each of them is."""
    names = [candidate.layer.name for candidate in able]
    starts = range(len(names)) if len(names) <= MOST else _spread(len(names))
    choices = {tuple(names[start:]): f"from {names[start]} on" for start in reversed(starts)}
    dense = tuple(c.layer.name for c in able if "innerProduct" in c.kinds)
    if dense:
        choices[dense] = "all dense layers" if len(dense) > 1 else f"the dense layer {dense[0]}"
    if names:
        choices[tuple(names[-1:])] = f"the last layer, {names[-1]}"
        choices[tuple(names)] = "all that can learn" if len(names) > 1 else choices[tuple(names)]
    return dict(sorted(choices.items(), key=lambda choice: len(choice[0])))


def _spread(count: int) -> list[int]:
    """Return `MOST` of `count` places, evenly apart, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, MOST)})


def _memory(spec: Message, weights: Weights, cost: Cost, plan: Training) -> Memory:
    arrays = {id(params): made.array.size for params, made in weights}

    def numbers(layer: Message) -> int:
        return sum(
            arrays.get(id(params), 0) + len(params.floatValue) for params in stored_weights(layer)
        )

    net = mlmodel.network(spec)
    assert net is not None
    layers = net.layers
    learning = sum(numbers(layer) for layer in layers if layer.isUpdatable)
    is_remembering = plan.numbers["momentum"].default > 0 if plan.optimizer == "sgd" else True
    remembered = (1 if plan.optimizer == "sgd" else 2) * is_remembering * learning
    kept = plan.batch_size.default * cost.activations()
    parts = (kept, sum(map(numbers, layers)), remembered)
    activations, stored, optimizer = (NUMBER * part for part in parts)
    total = activations + stored + optimizer
    return Memory(plan.batch_size.default, activations, stored, optimizer, total)


def _sizes(spec: Message, weights: Weights, recipe: Recipe) -> dict[str, int | None]:
    """Return the bytes of the file in each of `FORMS`."""
    shapes = [
        (params, Encoded(np.broadcast_to(np.float32(1), made.array.shape)))
        for params, made in weights
    ]
    sizes: dict[str, int | None] = {}
    for form, (settings, precision) in FORMS.items():
        made, inside = spec, shapes
        if settings:
            try:
                made, inside = in_pipeline(spec, shapes, precision)
            except UnsupportedError:
                sizes[form] = None
                continue
        metadata.describe(made, recipe.model_copy(update=settings))
        sizes[form] = mlmodel.size_with(made, inside)
    return sizes
