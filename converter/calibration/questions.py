"""What is asked of a record, and which trainings answer it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from converter.arithmetic import Arithmetic
from converter.arithmetic.told import TOLD
from converter.calibration.prediction import Doubles, Prediction
from converter.coreml.mlmodel import CROSS_ENTROPY
from converter.device.record import Seen
from converter.device.trainings import TRAININGS, Training

BY_NAME = {training.name: training for training in TRAININGS}

DEPENDS = {
    "T1": (),
    "T2": ("last_batch",),
    "T3": ("momentum",),
    "T3h": ("momentum",),
    "T4": ("last_batch", "adam"),
    "T5": (),
    "T6": ("last_batch",),
    "T7": ("order",),
    "T8": ("order",),
}
"""Training -> fields of `Arithmetic` that its weights depend on, beside its loss's reduction."""

Difference: TypeAlias = Callable[[Seen, Prediction, Arithmetic], float]
"""What was seen and what a way to count would have left -> how far one is from the other."""


def depends(training: Training) -> tuple[str, ...]:
    """Return the fields of `Arithmetic` that the weights of `training` depend on."""
    reduction = "cross_entropy" if training.loss == CROSS_ENTROPY else "squared_error"
    return (reduction, *DEPENDS[training.name])


def of_weights(seen: Seen, prediction: Prediction, arithmetic: Arithmetic) -> float:
    """Return the largest difference of weights and biases after the training."""
    return largest(flat(seen) - prediction.weights)


def of_losses(seen: Seen, prediction: Prediction, arithmetic: Arithmetic) -> float:
    """Return the largest difference of the losses told at the ends of epochs and at completion."""
    told = [TOLD[arithmetic.loss](losses, prediction.sizes) for losses in prediction.losses]
    ends = [each.loss for each in seen.losses if each.event == "epoch end"]
    last = [each.loss for each in seen.losses if each.event == "completion"]
    pairs = [*zip(ends, told, strict=False), *((loss, told[-1]) for loss in last)]
    if not pairs or len(ends) not in (0, len(told)):
        return math.inf
    found, expected = np.array(pairs, np.float64).T
    return largest(found - expected)


def flat(seen: Seen) -> Doubles:
    """Return weights and behind them the biases after the training; NaN where there are none."""
    if seen.after is None:
        return np.full(9, np.nan)
    return np.append(seen.after["weights"], seen.after["biases"]).astype(np.float64)


def largest(differences: Doubles) -> float:
    """Return the largest absolute value; infinity if one is no number."""
    found = np.abs(differences).max()
    return float(found) if np.isfinite(found) else math.inf


@dataclass(frozen=True)
class Question:
    """A field of `Arithmetic`, the trainings that answer what it is, and by what."""

    field: str
    trainings: tuple[str, ...]
    difference: Difference = of_weights


QUESTIONS = (
    Question("squared_error", ("T1",)),
    Question("cross_entropy", ("T5",)),
    Question("last_batch", ("T2", "T6")),
    Question("momentum", ("T3", "T3h")),
    Question("adam", ("T4",)),
    Question("order", ("T7", "T8")),
    Question("loss", ("T1", "T2", "T5", "T6", "T7", "T8"), of_losses),
)
"""In the order in which they can be answered: what later ones depend on comes first."""
