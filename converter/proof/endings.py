"""How the output of a Core ML model follows from that of the Keras model, and the loss of both.

A row is a claim; which one holds is found by comparing predictions, so a wrong one cannot pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from converter.backend.tensorflow import keras
from converter.coreml.mlmodel import CROSS_ENTROPY, SQUARED_ERROR
from converter.trace.program import Array


@dataclass(frozen=True)
class Ending:
    """One way in which a network can end.

    Attributes:
        expected: Keras's output ``[N, ...]`` to what the Core ML model answers.
        loss: makes the Keras loss that the update minimises.
        classes: how many classes the loss knows, given the size of Keras's last axis; 0 for values.
        is_doubled: whether one unit of Keras became two, whose difference moves twice as fast.
    """

    name: str
    expected: Callable[[Array], Array]
    loss: Callable[[], object]
    classes: Callable[[int], int]
    is_doubled: bool = False


def _flat(y: Array) -> Array:
    return y.reshape(len(y), -1)


def _softmax(y: Array) -> Array:
    powers = np.exp(_flat(y) - _flat(y).max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _two(p: Array) -> Array:
    return np.concatenate([1 - _flat(p), _flat(p)], axis=1)


def _two_of_logit(z: Array) -> Array:
    return _softmax(np.concatenate([np.zeros_like(_flat(z)), _flat(z)], axis=1))


LOSSES = keras.losses

ENDINGS = {
    CROSS_ENTROPY: (
        Ending("softmax", _flat, LOSSES.SparseCategoricalCrossentropy, lambda n: n),
        Ending(
            "logits, with a softmax added",
            _softmax,
            lambda: LOSSES.SparseCategoricalCrossentropy(from_logits=True),
            lambda n: n,
        ),
        Ending(
            "one sigmoid unit as two classes", _two, LOSSES.BinaryCrossentropy, lambda n: 2, True
        ),
        Ending(
            "one logit as two classes",
            _two_of_logit,
            lambda: LOSSES.BinaryCrossentropy(from_logits=True),
            lambda n: 2,
            True,
        ),
    ),
    SQUARED_ERROR: (Ending("values", _flat, LOSSES.MeanSquaredError, lambda n: 0),),
}
"""Loss of Core ML -> the ways in which a network with it can end."""
