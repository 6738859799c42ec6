"""How arrays of Core ML differ from those of the file, of the reference runtime, and of itself."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from converter.device.batch import Array

Stored: TypeAlias = Mapping[str, Array]
"""The weights in the file, flat, as ``"<number of the layer>.<weights or biases>"``."""

ACROSS_ENGINES = 1e-4
"""Of the range of the outputs: predictions of Core ML and of the reference runtime, and those of
Core ML before and after writing, which may come from another engine. Weights must be equal."""

UNRELATED = 0.1
"""Of the same range: above this, predictions before the update already say nothing."""


@dataclass(frozen=True)
class Expected:
    """What the parent knows of the model. Layers are numbered as in the job.

    Attributes:
        layers: name of each layer by its number.
        updatable: numbers of the layers that must change.
        stored: the weights in the file.
        epochs: how many were ordered.
    """

    layers: Sequence[str]
    updatable: Sequence[int]
    stored: Stored
    epochs: int

    def keys(self, updatable: bool) -> list[str]:
        """Return the keys in `stored` of the layers that learn, or of those that do not."""
        chosen = {str(number) for number in self.updatable}
        return [key for key in self.stored if (key.split(".")[0] in chosen) == updatable]

    def name(self, key: str) -> str:
        """Return what a person calls the array `key`, such as "dense weights"."""
        number, weights = key.split(".")
        return f"{self.layers[int(number)]} {weights}"

    def names(self, keys: Iterable[str]) -> str:
        """Return the names of `keys`, listed."""
        return ", ".join(map(self.name, keys))


@dataclass(frozen=True)
class Agreement:
    """Largest difference from the reference runtime's predictions, of the range of the outputs.

    `after` is measured with the weights that Core ML has learned and the file's frozen layers.
    """

    before: float
    after: float

    @property
    def is_met(self) -> bool:
        """Whether predictions differ after the update by no more than they did before."""
        limit = max(ACROSS_ENGINES, 2 * self.before)
        return self.after <= limit and self.before < UNRELATED

    def __str__(self) -> str:
        return f"{self.after:.1e} of the range of the outputs ({self.before:.1e} before)"


@dataclass
class Comparison:
    """Arrays of Core ML against those of the file, by what came of it: lists of keys."""

    equal: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def outputs(arrays: Stored) -> list[str]:
    """Return the numbers of all outputs that were predicted at any time."""
    return sorted({name.split(".")[-1] for name in arrays if name.startswith("predicted.")})


def weights(arrays: Stored, when: str) -> dict[str, Array]:
    """Return the weights that Core ML gave at a time, such as "after", by their keys."""
    prefix = f"{when}."
    return {n.removeprefix(prefix): array for n, array in arrays.items() if n.startswith(prefix)}


def worst(differences: Iterable[float]) -> float:
    """Return the largest; not a number if one of them is none, or there are none at all."""
    found = list(differences)
    return max(found) if found and not any(map(math.isnan, found)) else math.nan


def compared(expected: Expected, arrays: Stored, prefix: str, keys: Collection[str]) -> Comparison:
    """Compare with the file. In which order Core ML returns weights is not documented."""
    found = Comparison()
    for key in keys:
        array, stored = arrays.get(f"{prefix}.{key}"), expected.stored[key]
        if array is None:
            found.missing.append(key)
        elif np.array_equal(array, stored):
            found.equal.append(key)
        elif np.array_equal(np.sort(array), np.sort(stored)):
            found.reordered.append(key)
        else:
            found.differing.append(key)
    return found


def difference(one: Array | None, other: Array | None) -> float:
    """Return the largest difference; not a number where there is nothing to compare."""
    if one is None or other is None or one.shape != other.shape or not one.size:
        return math.nan
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return math.nan
    return float(np.abs(other.astype(np.float64) - one).max())


def relative(one: Array | None, other: Array | None) -> float:
    """Return the largest difference of two arrays as a share of the range of the first."""
    largest = difference(one, other)
    if one is None or math.isnan(largest):
        return math.nan
    return largest / (float(np.ptp(one)) or 1.0)
