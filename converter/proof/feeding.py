"""Keras's own upper layers, fed with the features that the frozen part of a Core ML model makes.

A frozen part in float16 or int8 makes other features than Keras's does, and whatever follows from
them cannot equal what Keras computes. But what learns is in float32: given the same features, it
must predict and learn as Keras's layers do, to the last digits. While Keras computes, the outputs
of those of its layers that make the features are replaced by the features.

Which layers these are is found by comparing numbers, since both are close, and proven by what
follows: with a wrong one replaced, the predictions would not be equal.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter import runtime
from converter.backend.keras import changed_calls, logits_of, watched_calls
from converter.backend.tensorflow import keras, tf
from converter.coreml.kinds import stored_weights
from converter.coreml.mlmodel import Message, network
from converter.coreml.pipelines import learner, members
from converter.errors import ParityError
from converter.learning.answers import Answer
from converter.proof import parity
from converter.proof.correspondence import Correspondence, Samples
from converter.proof.keras_model import called
from converter.proof.parity import difference
from converter.trace.program import Array

FARTHEST = 0.5
"""Share of its range by which a feature may be off what Keras computes in its place, at most."""

MOST_TRIED = 3
"""Places that are tried for a feature, the closest first."""


def is_compressed(model: Message) -> bool:
    """Tell whether a frozen member of a pipeline has weights in fewer bits than float32."""
    nets = filter(None, (network(member) for _, member in members(model)[:-1]))
    layers = (layer for net in nets for layer in net.layers)
    return any(w.float16Value or w.rawValue for layer in layers for w in stored_weights(layer))


def feature_names(model: Message) -> list[str]:
    """Return the features that the last member of a pipeline takes from those before it."""
    given = {feature.name for feature in model.description.input}
    return [f.name for f in learner(model).description.input if f.name not in given]


Turn = Callable[[Array, tuple[int, ...]], Array]


def _as_it_is(values: Array, shape: tuple[int, ...]) -> Array:
    return values.reshape(shape)


def _channels_last(values: Array, shape: tuple[int, ...]) -> Array:
    return np.moveaxis(values, 1, -1).reshape(shape)


def _channels_first(values: Array, shape: tuple[int, ...]) -> Array:
    return np.moveaxis(values.reshape(len(values), shape[-1], *shape[1:-1]), 1, -1)


TURNS: tuple[Turn, ...] = (_as_it_is, _channels_last, _channels_first)
"""Ways in which a feature ``[N, C]`` or ``[N, C, H, W]`` becomes the output of a layer of Keras."""


@dataclass(frozen=True, order=True)
class Place:
    """One output of one call of a layer: the `call` is counted, inner layers first."""

    distance: float
    call: int
    output: int
    turn: int


@dataclass
class Fed:
    """The Keras `model`, called with its inputs and, behind them, the features; see `Place`."""

    model: Any
    places: Sequence[Place]

    def __call__(self, samples: Sequence[Array], training: bool = False) -> Any:
        """Return the outputs of the model."""
        count = len(self.model.inputs)
        inputs, features = list(samples[:count]), samples[count:]
        calls = itertools.count()
        put = {
            (p.call, p.output): (TURNS[p.turn], x)
            for p, x in zip(self.places, features, strict=True)
        }

        def change(layer: Any, outputs: list[Any]) -> list[Any]:
            call = next(calls)
            for index, output in enumerate(outputs):
                if (call, index) in put:
                    turn, values = put[call, index]
                    outputs[index] = tf.constant(turn(values, tuple(output.shape)))
            return outputs

        with changed_calls(change):
            return self.model(inputs[0] if count == 1 else inputs, training=training)


class UnfedError(ParityError):
    """A feature is what no layer of the Keras model makes, so that its layers cannot be fed."""


def fed(
    model: Message, keras_model: Any, samples: Samples, found: Correspondence, is_class: bool
) -> tuple[Fed, float]:
    """Return the Keras model as it is to be fed, and how far its predictions are from `model`'s.

    Raises:
        UnfedError: no layer of Keras makes anything like one of the features.
    """
    features = made_features(model, samples.core_ml)
    places = _candidates(keras_model, samples.keras, features)
    for name, those in zip(feature_names(model), places, strict=True):
        if not those:
            raise UnfedError(
                f"no layer of the Keras model makes what '{name}' of the frozen part is; is it the "
                "file that was converted?"
            )
    answer = parity.predict(model, samples.core_ml, found.name)
    best: tuple[float, Fed] | None = None
    for chosen in itertools.product(*places):
        candidate = Fed(keras_model, chosen)
        outputs = keras.tree.flatten(candidate([*samples.keras, *features]))
        expected = found.ending.expected(_answer(outputs[found.output]))
        gap = parity.gap(expected, answer, is_class)
        if best is None or gap < best[0]:
            best = gap, candidate
    assert best is not None
    return best[1], best[0]


def made_features(model: Message, inputs: Mapping[str, Array]) -> list[Array]:
    """Return what the frozen members of the pipeline `model` make for the last one."""
    names, count = feature_names(model), len(model.description.output)
    shown = [f for f in learner(model).description.input if f.name in names]
    model.description.output.extend(shown)
    try:
        found = runtime.predict(model, inputs)
    finally:
        del model.description.output[count:]
    return [found[name] for name in names]


def _answer(output: Any) -> Answer:
    before = logits_of(output)
    return Answer(
        np.asarray(output, np.float32), None if before is None else np.asarray(before, np.float32)
    )


def _candidates(
    model: Any, inputs: Sequence[Array], features: Sequence[Array]
) -> list[list[Place]]:
    """Return for each of the `features` the places in the Keras `model`, the closest first."""
    calls = itertools.count()
    found: list[list[Place]] = [[] for _ in features]

    def compare(layer: Any, outputs: list[Any]) -> None:
        call = next(calls)
        for index, output in enumerate(outputs):
            for places, values in zip(found, features, strict=True):
                if place := _place(call, index, output, values):
                    places.append(place)

    with watched_calls(compare):
        called(model, inputs)
    return [sorted(places)[:MOST_TRIED] for places in found]


def _place(call: int, index: int, output: Any, values: Array) -> Place | None:
    """Return that an output of a layer is what `values` are, the best way; None if it is not."""
    shape = tuple(getattr(output, "shape", ()))
    if len(shape) < 2 or shape[0] != len(values) or np.prod(shape) != values.size:
        return None
    expected = np.asarray(output, np.float32)
    distances = [difference(expected, turn(values, shape)) for turn in TURNS]
    turn = int(np.argmin(distances))
    return Place(distances[turn], call, index, turn) if distances[turn] < FARTHEST else None
