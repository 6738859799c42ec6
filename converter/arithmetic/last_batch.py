"""What becomes of the last mini-batch of an epoch, if fewer samples remain than it takes.

Every way takes the order of the samples of an epoch, the size of a mini-batch, and the index that
stands for a sample of zeros. It returns the samples that are learnt from, one mini-batch after the
other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Integers: TypeAlias = npt.NDArray[np.int64]
LastBatch: TypeAlias = Callable[[Integers, int, int], Integers]


def own_mean(order: Integers, size: int, zero: int) -> Integers:
    """It is smaller, and its gradient is its own mean."""
    return order


def full_size(order: Integers, size: int, zero: int) -> Integers:
    """It is smaller, but its sum is divided by the full size."""
    return order


def dropped(order: Integers, size: int, zero: int) -> Integers:
    """It is left out."""
    return order[: len(order) // size * size]


def zeros(order: Integers, size: int, zero: int) -> Integers:
    """It is filled up with samples of zeros, whose answers are zeros or class 0."""
    return np.append(order, np.full(_missing(order, size), zero))


def last_repeated(order: Integers, size: int, zero: int) -> Integers:
    """It is filled up with the last sample."""
    return np.append(order, np.full(_missing(order, size), order[-1]))


def wrapped(order: Integers, size: int, zero: int) -> Integers:
    """It is filled up with the first samples of the epoch."""
    return np.resize(order, len(order) + _missing(order, size))


def stale(order: Integers, size: int, zero: int) -> Integers:
    """It is filled up with what stood at the same places of the mini-batch before it."""
    before = order[: len(order) // size * size]
    return np.append(order, before[len(before) - _missing(order, size) :])


def _missing(order: Integers, size: int) -> int:
    return -len(order) % size


LAST_BATCHES: dict[str, LastBatch] = {
    "own_mean": own_mean,
    "full_size": full_size,
    "dropped": dropped,
    "zeros": zeros,
    "last_repeated": last_repeated,
    "wrapped": wrapped,
    "stale": stale,
}

FULL_SIZE, ZEROS = "full_size", "zeros"
"""Those that are more than a choice of samples: see `runtime.losses` and `runtime.training`."""
