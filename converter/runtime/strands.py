"""Two strands of operations side by side, so that cores wait less for each other.

TensorFlow divides each operation among its threads, and every one of them waits for the last to
finish: on two cores a fifth of the time is lost. A step whose operations are doubled instead, each
on half of the threads, keeps them busy. What is doubled depends on what learns: the halves of the
mini-batch, or the blocks of a matrix (`converter.runtime.held`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from converter.runtime.backend import Tensor, tf
from converter.runtime.layers.normalization import is_by_batch
from converter.runtime.network import Layer

STRANDS = 2

LEAST_SAMPLES = 16
"""Fewer samples in a strand than these would cost more than they gain."""

CHOSEN_BY_USER = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def prepare_threads() -> None:
    """Let TensorFlow run two operations at once, each on half of the cores.

    It concerns the whole process, and must come before TensorFlow computes anything; later, and
    where the environment names numbers of threads, it does nothing.
    """
    cores = _cores()
    if cores < STRANDS or any(name in os.environ for name in CHOSEN_BY_USER):
        return
    with suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(STRANDS)
        tf.config.threading.set_intra_op_parallelism_threads(cores // STRANDS)


def can_divide(layers: Iterable[Layer], batch_size: int) -> bool:
    """Tell whether halves of a mini-batch can go through `layers` apart, and are worth it.

    Normalization by the mean of the batch itself needs all samples at once.
    """
    return batch_size >= STRANDS * LEAST_SAMPLES and not any(
        is_by_batch(layer.message) for layer in layers
    )


def divided(blobs: Mapping[str, Tensor], total: Tensor) -> Iterator[dict[str, Tensor]]:
    """Yield equal parts of a mini-batch of `total` samples, one for each strand.

    None is empty, which many operations cannot be: a lone sample is in all of them.
    """
    for i in range(STRANDS):
        start = tf.minimum(total * i // STRANDS, total - 1)
        end = tf.maximum(total * (i + 1) // STRANDS, 1)
        yield {name: blob[start:end] for name, blob in blobs.items()}


def joined(parts: Sequence[Tensor], total: Tensor) -> Tensor:
    """Return what became of the parts as one blob of `total` samples."""
    return tf.concat(parts, 0)[:total]


def _cores() -> int:
    """Return on how many cores this process may run."""
    if hasattr(os, "sched_getaffinity"):  # not on a Mac
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
