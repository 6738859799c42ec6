"""Which samples an epoch learns from, in which order, mini-batch by mini-batch."""

from __future__ import annotations

import numpy as np

from converter.arithmetic.last_batch import LAST_BATCHES
from converter.arithmetic.order import ORDERS
from converter.errors import TrainingError
from converter.runtime.backend import Array, Integers
from converter.runtime.settings import Settings
from converter.runtime.sources import Samples


def order(settings: Settings, epoch: int, total: int) -> Integers:
    """Return the order of the samples in `epoch` (from 1)."""
    way = settings.arithmetic.order if settings.shuffle else "given"
    return ORDERS[way](settings.seed, epoch, total)


def batches(settings: Settings, epoch: int, total: int) -> Integers:
    """Return the samples that `epoch` (from 1) learns from, mini-batch by mini-batch.

    Raises:
        TrainingError: nothing is left, as the arithmetic drops a mini-batch that is not full.
    """
    way = LAST_BATCHES[settings.arithmetic.last_batch]
    found = way(order(settings, epoch, total), settings.batch_size, total)
    if not len(found):
        raise TrainingError(
            f"{total} samples are less than a mini-batch of {settings.batch_size}, and the "
            f"arithmetic drops it; give at least {settings.batch_size}"
        )
    return found


class WithZeros:
    """Samples, and behind the last one a sample of zeros."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples) + 1

    def take(self, indices: Integers) -> dict[str, Array]:
        """Return the chosen samples by input name."""
        is_zeros = indices == len(self._samples)
        found = self._samples.take(np.where(is_zeros, 0, indices))
        return {name: _zeroed(np.asarray(array), is_zeros) for name, array in found.items()}


def _zeroed(array: Array, where: Array) -> Array:
    return np.where(where.reshape(-1, *[1] * (array.ndim - 1)), np.zeros_like(array), array)
