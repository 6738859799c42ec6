"""The proof in every run: the written model predicts what Keras predicts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from converter import runtime
from converter.coreml.mlmodel import Message
from converter.learning.answers import Answer, log_softmax
from converter.trace.program import Array

LITTLE_VARIATION = 1e-3
"""Share of its range by which an output must vary over the samples, or they prove little."""


def hardly_varies(values: Array) -> bool:
    """Return whether one of the numbers is nearly the same in all samples."""
    rows = values.reshape(len(values), -1)
    return bool(_spread(rows).min() <= LITTLE_VARIATION * np.abs(rows).max())


def difference(expected: Array, found: Array) -> float:
    """Return the largest difference, relative to the range of `expected`, zero included.

    Both are ``[N, ...]`` with the same number of values; not a number counts as infinite.
    """
    flat = np.asarray(expected, np.float64).reshape(len(expected), -1)
    other = np.asarray(found, np.float64).reshape(len(found), -1)
    spread = max(flat.max(), 0) - min(flat.min(), 0)
    gap = float(np.abs(flat - other).max()) / float(spread or 1)
    return gap if np.isfinite(gap) else float("inf")


SMALLEST_PROBABILITY = 1e-30
"""Softmax in float32 is exact to rounding above this."""


def compared(answer: Answer, is_class: bool) -> Array:
    """Return the numbers ``[N, C]`` of an `answer` in which no digits are lost.

    For classes these are the logarithms of the probabilities: random inputs drive many networks
    into saturation, where all probabilities are 0 or 1 and any network agrees with any other; the
    logarithms are the logits up to a constant and still differ.
    """
    if is_class and answer.before is not None:
        return log_softmax(answer.before)
    if is_class:
        return np.asarray(np.log(np.maximum(answer.values, SMALLEST_PROBABILITY)))
    return answer.values if answer.before is None else answer.before


def gap(expected: Answer, found: Answer, is_class: bool) -> float:
    """Return the largest difference of the values ``[N, C]`` and of the numbers before them.

    Before is compared where both are known; the probabilities of classes in logarithms, and where
    these hardly vary also by the logits alone, which a network of small weights makes tiny.
    """
    if expected.before is None or found.before is None:
        expected, found = Answer(expected.values), Answer(found.values)
    ours, theirs = compared(found, is_class), compared(expected, is_class)
    pairs = [(expected.values, found.values), (theirs, ours)]
    if expected.before is not None and _variation(theirs) < LITTLE_VARIATION:
        pairs.append((expected.before, np.asarray(found.before)))
    return max(difference(*pair) for pair in pairs)


def variation(answer: Answer, is_class: bool) -> float:
    """Return how much what is compared varies over the samples, as a share of its range."""
    flat = answer.flat()
    before = [] if flat.before is None else [flat.before]
    return max(_variation(numbers) for numbers in (compared(flat, is_class), *before))


def _variation(numbers: Array) -> float:
    rows = numbers.reshape(len(numbers), -1).astype(np.float64)
    span = max(rows.max(), 0) - min(rows.min(), 0)
    share = float(_spread(rows).max()) / float(span or 1)
    return share if np.isfinite(share) else 0.0


def little_varied(variation: float) -> str:
    """Return what to say of outputs that vary by no more than `variation`; nothing if enough."""
    if variation >= LITTLE_VARIATION:
        return ""
    return (
        "the parity proves little: over all inputs that were tried, the output of the Keras model "
        f"varies by no more than {variation:.0e} of its range, as if it ignored them; try the file "
        "on your own data: make-updatable evaluate"
    )


def _spread(rows: Array) -> Array:
    """Return by how much each column of `rows` varies."""
    return np.asarray(rows.max(axis=0) - rows.min(axis=0))


def is_saturated(answer: Answer) -> bool:
    """Return whether all that is known are probabilities 0 or 1: then equal ones prove little."""
    p = answer.values
    return answer.before is None and bool(np.all((p < SMALLEST_PROBABILITY) | (p > 1 - 1e-6)))


def predict(model: Message, inputs: Mapping[str, Array], output: str) -> Answer:
    """Return the output (or probabilities) `output` of the Core ML `model` in the runtime.

    What stands before its softmax or activation comes along.

    Raises:
        ModelFileError: there is no such output, or the network cannot be run.
    """
    return Answer(*runtime.predict_with_before(model, inputs, output))


def features(model: Message, inputs: Mapping[str, Array], output: str) -> Array:
    """Return what the dense layer takes that makes `output`, ``[N, F]``, in the runtime."""
    found = runtime.features_below(model, inputs, output)
    return found.reshape(len(found), -1)
