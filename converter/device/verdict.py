"""What a device check has shown: a pure function of what the child process left."""

from __future__ import annotations

import enum
import math
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from converter.device.batch import Array
from converter.device.child import Ending

Stored: TypeAlias = Mapping[str, Array]
"""The weights in the file, flat, as ``"<number of the layer>.<weights or biases>"``."""

LARGEST_DISAGREEMENT = 1e-3
"""Of the range of the outputs: predictions of Core ML and of the reference runtime."""

FACTS = ("system", "pyobjc", "losses", "frozen_error")
"""What the child says that goes into the record as it is."""

UNRELATED = 0.1
"""Of the same range: above this, predictions before the update already say nothing."""

RELOAD_TOLERANCE = 1e-5
"""Of the range of the outputs: predictions before and after writing; weights must be equal."""


class Outcome(enum.Enum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    CRASHED = "crashed"
    TIMED_OUT = "timed out"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Check:
    """One criterion, what was seen, and whether it is met."""

    name: str
    passed: bool
    seen: str


@dataclass(frozen=True)
class Verdict:
    """The outcome in a sentence, and everything behind it. `facts` is for the record only."""

    outcome: Outcome
    reason: str
    checks: tuple[Check, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "checks": [vars(check) for check in self.checks],
            "facts": dict(self.facts),
        }


@dataclass(frozen=True)
class Expected:
    """What the parent knows of the model. Layers are numbered as in the job.

    Attributes:
        layers: name of each layer by its number.
        updatable: numbers of the layers that must change.
        stored: the weights in the file.
    """

    layers: Sequence[str]
    updatable: Sequence[int]
    stored: Stored


@dataclass(frozen=True)
class Agreement:
    """Largest difference from the reference runtime's predictions, of the range of the outputs.

    `after` is measured with the weights that Core ML has learned and the file's frozen layers.
    """

    before: float
    after: float


def judge(expected: Expected, ending: Ending, agreement: Agreement | None = None) -> Verdict:
    """Return what a check has shown. Nothing but a complete, correct answer is a pass."""
    answer = ending.answer or {}
    facts = {key: value for key, value in answer.items() if key in FACTS}
    stage = answer.get("stage", "starting")
    if ending.code is None:
        return Verdict(Outcome.TIMED_OUT, f"no end in time while {stage}", facts=facts)
    if ending.code < 0:
        reason = f"Core ML ended the process with {_signal(-ending.code)} while {stage}"
        return Verdict(Outcome.CRASHED, _with_print(reason, ending), facts=facts)
    if answer.get("error"):
        return Verdict(Outcome.FAILED, f"{answer['error']} (while {stage})", facts=facts)
    if ending.code != 0 or stage != "done":
        reason = f"the worker ended with code {ending.code} while {stage}"
        return Verdict(Outcome.FAILED, _with_print(reason, ending), facts=facts)
    checks = tuple(_checks(expected, answer, ending.arrays, agreement))
    failed = [check for check in checks if not check.passed]
    if failed:
        reason = "; ".join(f"{check.name}: {check.seen}" for check in failed)
        return Verdict(Outcome.FAILED, reason, checks, facts)
    reason = f"Core ML updated {len(expected.updatable)} layers; all {len(checks)} checks are met"
    return Verdict(Outcome.PASSED, reason, checks, facts)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _with_print(reason: str, ending: Ending) -> str:
    """Return `reason` with the last line that was printed."""
    lines = [line.strip() for line in ending.printed.splitlines() if line.strip()]
    return f"{reason}: {lines[-1][:300]}" if lines else reason


def _checks(
    expected: Expected, answer: Mapping[str, Any], arrays: Stored, agreement: Agreement | None
) -> Iterator[Check]:
    losses = [float(loss) for loss in answer.get("losses", [])]
    yield Check("task completed", answer.get("completed") is True, str(answer.get("completed")))
    yield Check("an epoch has ended", bool(losses), f"{len(losses)} epochs")
    finite = bool(losses) and all(math.isfinite(loss) for loss in losses)
    yield Check("the loss is a number", finite, ", ".join(f"{loss:g}" for loss in losses) or "none")
    yield _same("weights before are those of the file", expected, arrays, "before")
    yield _changed(expected, arrays)
    yield _reloaded(expected, arrays)
    yield _reloaded_predictions(arrays)
    yield _frozen(expected, answer, arrays, agreement)


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
        keys = [key for key in expected.stored if key.split(".")[0] == str(number)]
        pairs = [(arrays.get(f"before.{key}"), arrays.get(f"after.{key}")) for key in keys]
        step = max((_difference(before, after) for before, after in pairs), default=0.0)
        steps.append(step)
        if not math.isfinite(step):
            wrong.append(f"{expected.layers[number]} is not finite")
        elif step == 0.0:
            wrong.append(f"{expected.layers[number]} has not changed")
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
    worst = max(
        (
            relative(arrays[f"predicted.after.{n}"], arrays.get(f"predicted.reloaded.{n}"))
            for n in numbers
        ),
        default=math.nan,
    )
    return Check(title, worst <= RELOAD_TOLERANCE, f"{worst:.1e} of the range of the outputs")


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
    hint = "with 'make-updatable[keras]' installed it is seen by predictions"
    return Check(title, False, f"cannot be told: {reason}; {hint}")
