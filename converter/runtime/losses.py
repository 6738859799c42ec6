"""The two losses of Core ML, for each sample; an update minimises their mean over a mini-batch.

Core ML documents the formula for one sample, not how a mini-batch is reduced. This runtime takes
the mean, as Keras does; the last mini-batch of an epoch may be smaller, and is its own mean.
"""

from __future__ import annotations

from collections.abc import Callable

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


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    CROSS_ENTROPY: cross_entropy,
    SQUARED_ERROR: squared_error,
}


def hits(logits: Tensor, classes: Tensor) -> Tensor:
    """Return how many samples have their class on top, a number."""
    right = tf.equal(tf.argmax(_rows(logits), 1, classes.dtype), classes)
    return tf.reduce_sum(tf.cast(right, tf.float32))


def _rows(blob: Tensor) -> Tensor:
    return tf.reshape(blob, (-1, blob.shape[3]))
