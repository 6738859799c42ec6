"""The figures of a setting: percentiles over users, and their intervals over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from converter.coreml.mlmodel import Floats
from converter.studies.model import Goal
from converter.studies.trials import Trial

LOST = -1.0
"""The gain where training diverged, of which nothing remains, and the least there can be of values:
twice the error, or more."""

STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045,
)  # fmt: skip
"""97.5 % quantiles of Student's t by degrees of freedom, from 1
(https://www.itl.nist.gov/div898/handbook/eda/section3/eda3672.htm)."""


@dataclass(frozen=True)
class Estimate:
    """The mean over seeds, and half of its 95 % interval, None of a single seed.

    The interval is Student's: how far the mean of other seeds, other choices and orders of samples
    of the same users, would most likely be. That other users differ is not in it.
    """

    mean: float
    half: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """Return the estimate from one value for each seed."""
        mean = float(np.mean(values))
        if len(values) < 2:
            return cls(mean, None)
        error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
        return cls(mean, STUDENT[len(values) - 2] * error)


@dataclass(frozen=True)
class Row:
    """The figures of one setting for one number of samples.

    Attributes:
        trial: the setting.
        samples: how many each user learnt from.
        gain: by percentile over users, 10, 50 and 90: the accuracy on the user's own test samples
            after training less that before; of values, by which part the loss has become less.
        worse: the share of users whose gain is negative.
        forgetting: of the median user, how much less accurate the model is on the common test set;
            of values, by which part the loss has grown. None without a common test set.
        diverged: the share of trainings whose loss was no number any more.
    """

    trial: Trial
    samples: int
    gain: Mapping[int, Estimate]
    worse: Estimate
    forgetting: Estimate | None
    diverged: float

    @property
    def median(self) -> float:
        """The median user's gain."""
        return self.gain[50].mean

    def misses(self, goal: Goal) -> dict[str, float]:
        """Return by how much the goal is missed, by what is missed; empty if it is met."""
        lost = self.forgetting.mean if self.forgetting else -math.inf
        found = {
            "gain": goal.gain - self.median,
            "worse": self.worse.mean - goal.worse,
            "forgetting": lost - goal.forgetting,
        }
        return {name: by for name, by in found.items() if by > 0}


PERCENTILES = 10, 50, 90

Line: TypeAlias = "tuple[Floats, Floats | None, Floats]"
"""Of one setting and seed, by user: gain, forgetting, and whether training diverged."""


def line(table: Floats, is_class: bool, has_common: bool) -> Line:
    """Return gain, forgetting and divergence of each user, from scores in the order of `Scores`.

    Where training diverged, all that the model could is lost.
    """
    own_loss_before, own_loss, own_before, own, loss_before, loss, before, after = table.T
    diverged = ~np.isfinite(own_loss)
    if is_class:
        gain = np.where(diverged, -own_before, own - own_before)
        forgetting = np.where(diverged, before, before - after)
    else:
        gain = np.where(diverged, LOST, 1 - own_loss / np.maximum(own_loss_before, TINY))
        gain = np.maximum(gain, LOST)
        forgetting = np.where(diverged, -LOST, loss / np.maximum(loss_before, TINY) - 1)
        forgetting = np.minimum(forgetting, -LOST)
    return gain, forgetting if has_common else None, diverged


TINY = 1e-12
"""No loss is taken to be less where something is divided by it."""


def figures(trial: Trial, samples: int, lines: Sequence[Line]) -> Row:
    """Return the figures of a setting: percentiles of each seed, then their mean over seeds."""

    def over_seeds(figure: Callable[[Floats], float], which: int) -> Estimate:
        return Estimate.of([figure(found[which]) for found in lines])  # type: ignore[arg-type]

    gain = {
        percent: over_seeds(lambda g, p=percent: float(np.percentile(g, p)), 0)  # type: ignore[misc]
        for percent in PERCENTILES
    }
    worse = over_seeds(lambda g: float(np.mean(g < 0)), 0)
    has_common = lines[0][1] is not None
    forgetting = over_seeds(lambda f: float(np.median(f)), 1) if has_common else None
    diverged = float(np.mean([found[2] for found in lines]))
    return Row(trial, samples, gain, worse, forgetting, diverged)
