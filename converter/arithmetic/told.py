"""What is told as the loss of an epoch, of the losses of its mini-batches and their sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Told: TypeAlias = Callable[[npt.NDArray[Any], npt.NDArray[Any]], float]


def mean_of_samples(losses: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> float:
    """The mean over the samples, each mini-batch before its step, as Keras's `fit` tells it."""
    return float(np.average(losses, weights=sizes))


def mean_of_batches(losses: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> float:
    """The mean over the mini-batches, however many samples the last one has."""
    return float(np.mean(losses))


def last_batch(losses: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> float:
    """That of the last mini-batch, before its step."""
    return float(losses[-1])


TOLD: dict[str, Told] = {
    "mean_of_samples": mean_of_samples,
    "mean_of_batches": mean_of_batches,
    "last_batch": last_batch,
}
