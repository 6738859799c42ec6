"""What must be true of a complete answer of the child process, one criterion at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from converter.device.batch import Array
from converter.errors import install

Stored: TypeAlias = Mapping[str, Array]
"""The weights in the file, flat, as ``"<number of the layer>.<weights or biases>"``."""

LARGEST_DISAGREEMENT = 1e-3
"""Of the range of the outputs: predictions of Core ML and of the reference runtime."""

UNRELATED = 0.1
"""Of the same range: above this, predictions before the update already say nothing."""

RELOAD_TOLERANCE = 1e-5
"""Of the range of the outputs: predictions before and after writing; weights must be equal."""


@dataclass(frozen=True)
class Check:
    """One criterion, what was seen, and whether it is met."""

    name: str
    passed: bool
    seen: str


@dataclass(frozen=True)
class Expected:
    """What the parent knows of the model. Layers are numbered as in the job.

    Attributes:
        layers: name of each layer by its number.
        updatable: numbers of the layers that must change.
        stored: the weights in the file.
        epochs: how many were ordered; None where the file's own number holds.
    """

    layers: Sequence[str]
    updatable: Sequence[int]
    stored: Stored
    epochs: int | None = None


@dataclass(frozen=True)
class Agreement:
    """Largest difference from the reference runtime's predictions, of the range of the outputs.

    `after` is measured with the weights that Core ML has learned and the file's frozen layers.
    """

    before: float
    after: float


def checks(
    expected: Expected, answer: Mapping[str, Any], arrays: Stored, agreement: Agreement | None
) -> Iterator[Check]:
    """Yield every criterion of an update that went well."""
    losses = [float(loss) for loss in answer.get("losses", [])]
    yield Check("task completed", answer.get("completed") is True, str(answer.get("completed")))
    yield _epochs(expected, len(losses))
    finite = bool(losses) and all(math.isfinite(loss) for loss in losses)
    yield Check("the loss is a number", finite, ", ".join(f"{loss:g}" for loss in losses) or "none")
    yield _same("weights before are those of the file", expected, arrays, "before")
    yield _changed(expected, arrays)
    yield _reloaded(expected, arrays)
    yield _reloaded_predictions(arrays)
    yield _frozen(expected, answer, arrays, agreement)


def worst(differences: Iterable[float]) -> float:
    """Return the largest; not a number if one of them is none, or there are none at all."""
    found = list(differences)
    return max(found) if found and not any(map(math.isnan, found)) else math.nan


def _epochs(expected: Expected, told: int) -> Check:
    if expected.epochs is None:
        return Check("an epoch has ended", told > 0, f"{told} epochs")
    seen = f"{told} of {expected.epochs} epochs"
    return Check("every epoch that was ordered has ended", told == expected.epochs > 0, seen)


def _keys(expected: Expected, updatable: bool) -> list[str]:
    chosen = {str(number) for number in expected.updatable}
    return [key for key in expected.stored if (key.split(".")[0] in chosen) == updatable]


def _name(expected: Expected, key: str) -> str:
    number, weights = key.split(".")
    return f"{expected.layers[int(number)]} {weights}"


def _same(title: str, expected: Expected, arrays: Stored, prefix: str) -> Check:
    """Compare with the file. In which order Core ML returns weights is not documented."""
    wrong, reordered = [], []
    keys = _keys(expected, updatable=prefix != "frozen")
    for key in keys:
        found, stored = arrays.get(f"{prefix}.{key}"), expected.stored[key]
        if found is None:
            wrong.append(f"{_name(expected, key)} is missing")
        elif not np.array_equal(found, stored):
            if np.array_equal(np.sort(found), np.sort(stored)):
                reordered.append(_name(expected, key))
            else:
                wrong.append(f"{_name(expected, key)} differs")
    if wrong:
        return Check(title, False, ", ".join(wrong))
    order = f"; in another order: {', '.join(reordered)}" if reordered else ""
    return Check(title, bool(keys), f"{len(keys)} arrays equal{order}")


def _changed(expected: Expected, arrays: Stored) -> Check:
    wrong, steps = [], []
    for number in expected.updatable:
        found = {
            key: _difference(arrays.get(f"before.{key}"), arrays.get(f"after.{key}"))
            for key in expected.stored
            if key.split(".")[0] == str(number)
        }
        steps.append(worst(found.values()))
        if not math.isfinite(steps[-1]):
            wrong.append(f"{expected.layers[number]} is not finite")
        elif steps[-1] == 0.0:
            wrong.append(f"{expected.layers[number]} has not changed")
        elif found.get(f"{number}.weights") == 0.0:
            wrong.append(f"{expected.layers[number]} has changed its biases only")
    title = "every updatable layer has changed and is finite"
    if wrong:
        return Check(title, False, ", ".join(wrong))
    return Check(title, bool(steps), f"largest steps {', '.join(f'{s:.2g}' for s in steps)}")


def _difference(one: Array | None, other: Array | None) -> float:
    """Return the largest difference; not a number where there is nothing to compare."""
    if one is None or other is None or one.shape != other.shape or not one.size:
        return math.nan
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return math.nan
    return float(np.abs(other.astype(np.float64) - one).max())


def _reloaded(expected: Expected, arrays: Stored) -> Check:
    title = "the written model has the weights of the one in memory"
    keys = _keys(expected, updatable=True)
    steps = {k: _difference(arrays.get(f"after.{k}"), arrays.get(f"reloaded.{k}")) for k in keys}
    wrong = [f"{_name(expected, key)} differs" for key, step in steps.items() if step != 0.0]
    return Check(title, bool(keys) and not wrong, ", ".join(wrong) or f"{len(keys)} arrays equal")


def _reloaded_predictions(arrays: Stored) -> Check:
    title = "the written model predicts what the one in memory does"
    numbers = [n.split(".")[-1] for n in arrays if n.startswith("predicted.after.")]
    largest = worst(
        relative(arrays[f"predicted.after.{n}"], arrays.get(f"predicted.reloaded.{n}"))
        for n in numbers
    )
    seen = f"{largest:.1e} of the range of the outputs"
    return Check(title, largest <= RELOAD_TOLERANCE, seen)


def relative(one: Array, other: Array | None) -> float:
    """Return the largest difference of two arrays as a share of the range of the first."""
    if other is not None and other.shape != one.shape:
        return math.nan
    difference = _difference(one, other)
    span = float(np.ptp(one)) or 1.0
    return difference / span


def _frozen(
    expected: Expected, answer: Mapping[str, Any], arrays: Stored, agreement: Agreement | None
) -> Check:
    """Compare frozen weights themselves where Core ML gives them out, else by what they compute."""
    title = "what is frozen has not changed"
    keys = _keys(expected, updatable=False)
    is_readable = any(f"frozen.{key}" in arrays for key in keys)
    read = _same(title, expected, arrays, "frozen") if is_readable else None
    if read is not None and (not read.passed or agreement is None):
        return read
    if agreement is not None:
        limit = max(LARGEST_DISAGREEMENT, 2 * agreement.before)
        seen = (
            "predictions differ from the reference runtime's by "
            f"{agreement.after:.1e} of the range of the outputs ({agreement.before:.1e} before)"
        )
        return Check(title, agreement.after <= limit and agreement.before < UNRELATED, seen)
    if not keys:
        return Check(title, True, "no convolution or inner product is frozen")
    reason = answer.get("frozen_error", "Core ML gave out no frozen weights")
    hint = f"it is seen by predictions if TensorFlow is there; {install('keras')}"
    return Check(title, False, f"cannot be told: {reason}; {hint}")
