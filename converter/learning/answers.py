"""What a network answers: its output, and the numbers from which its last activation makes it.

A saturated sigmoid, tanh or softmax has lost digits that the numbers before it still have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.trace.program import Array


@dataclass(frozen=True)
class Answer:
    """The output ``[N, ...]``, and the same `before` the last activation (None if not known)."""

    values: Array
    before: Array | None = None

    def flat(self) -> Answer:
        """Return the same with all numbers of a sample in one row, ``[N, C]``."""
        before = None if self.before is None else _flat(self.before)
        return Answer(_flat(self.values), before)


def _flat(y: Array) -> Array:
    return y.reshape(len(y), -1)


def as_it_is(keras: Answer) -> Answer:
    """Return what a Core ML model answers that ends as the Keras model does."""
    return keras.flat()


def with_softmax(keras: Answer) -> Answer:
    """Return the softmax of Keras's output, which is logits."""
    logits = _flat(keras.values)
    return Answer(softmax(logits), logits)


def sigmoid_as_two(keras: Answer) -> Answer:
    """Return two classes for the single probability that Keras's sigmoid gives: ``[1 - p, p]``."""
    found = keras.flat()
    before = None if found.before is None else _beside_zero(found.before)
    return Answer(np.concatenate([1 - found.values, found.values], axis=1), before)


def logit_as_two(keras: Answer) -> Answer:
    """Return two classes for Keras's single logit z: ``softmax([0, z])``."""
    logits = _beside_zero(_flat(keras.values))
    return Answer(softmax(logits), logits)


def _beside_zero(z: Array) -> Array:
    return np.concatenate([np.zeros_like(z), z], axis=1)


def softmax(logits: Array) -> Array:
    """Return the probabilities ``[N, C]`` for `logits`."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_softmax(logits: Array) -> Array:
    """Return the logarithms of the probabilities ``[N, C]`` for `logits`, whatever their size."""
    moved = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(moved - np.log(np.exp(moved).sum(axis=1, keepdims=True)))
