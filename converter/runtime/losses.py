"""The two losses of Core ML, for each sample, and what an update minimises of a mini-batch.

Core ML documents the formula for one sample, not how a mini-batch is reduced. `REDUCTIONS` and the
rows of `LOSSES` are the ways that `converter.arithmetic.Reduction` knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from converter.arithmetic import Arithmetic
from converter.arithmetic.last_batch import FULL_SIZE
from converter.coreml.mlmodel import CROSS_ENTROPY, SQUARED_ERROR
from converter.runtime.backend import Tensor, tf


def cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    """``-log(softmax(logits)[class])``, computed from logits ``[N, 1, 1, C]``; ``[N]``.

    `classes` are indices ``[N]``.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(classes, _rows(logits))


def squared_error(prediction: Tensor, values: Tensor) -> Tensor:
    """Mean of ``(prediction - value)²`` over all elements of a sample; ``[N]``.

    Both are blobs ``[N, H, W, C]``.
    """
    return tf.reduce_mean(tf.square(prediction - values), (1, 2, 3))


def cross_entropy_of_each(logits: Tensor, classes: Tensor) -> Tensor:
    """`cross_entropy`, divided by the number of classes; ``[N]``."""
    return cross_entropy(logits, classes) / float(logits.shape[3])


def summed_squared_error(prediction: Tensor, values: Tensor) -> Tensor:
    """Sum of ``(prediction - value)²`` over all elements of a sample; ``[N]``."""
    return tf.reduce_sum(tf.square(prediction - values), (1, 2, 3))


Losses: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Blob and answers of N samples to their losses ``[N]``."""

LOSSES: dict[tuple[str, str], Losses] = {
    (CROSS_ENTROPY, "sum"): cross_entropy,
    (CROSS_ENTROPY, "mean"): cross_entropy_of_each,
    (SQUARED_ERROR, "mean"): squared_error,
    (SQUARED_ERROR, "sum"): summed_squared_error,
}
"""Loss in the file and `Reduction.outputs` -> the losses of samples."""

REDUCTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "mean": lambda losses, size: tf.reduce_mean(losses, -1),
    "sum": lambda losses, size: tf.reduce_sum(losses, -1),
    FULL_SIZE: lambda losses, size: tf.reduce_sum(losses, -1) / size,
}
"""`Reduction.batch`, or the mean over the full size of a mini-batch -> what it makes of losses.

Losses may be ``[N]``, or ``[users, N]`` of as many mini-batches."""


def minimised(kind: str, arithmetic: Arithmetic, size: int) -> Callable[[Tensor], Tensor]:
    """Return what makes of the losses of a mini-batch the number that an update minimises.

    `size` is that of a full mini-batch.
    """
    chosen = arithmetic.reduction(kind == CROSS_ENTROPY)
    is_full_size = chosen.batch == "mean" and arithmetic.last_batch == FULL_SIZE
    reduce = REDUCTIONS[FULL_SIZE if is_full_size else chosen.batch]
    return lambda losses: chosen.factor * reduce(losses, size)


def hits(logits: Tensor, classes: Tensor) -> Tensor:
    """Return 1 for each sample that has its class on top, else 0; ``[N]``."""
    right = tf.equal(tf.argmax(_rows(logits), 1, classes.dtype), classes)
    return tf.cast(right, tf.float32)


def _rows(blob: Tensor) -> Tensor:
    return tf.reshape(blob, (-1, blob.shape[3]))
