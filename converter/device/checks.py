"""What must be true of a complete answer of the child process, one criterion at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.device.comparing import (
    ACROSS_ENGINES,
    Agreement,
    Comparison,
    Expected,
    Stored,
    compared,
    difference,
    outputs,
    relative,
    worst,
)


@dataclass(frozen=True)
class Check:
    """One criterion, what was seen, and whether it is met; None if that is not known."""

    name: str
    passed: bool | None
    seen: str


def checks(
    expected: Expected,
    answer: Mapping[str, Any],
    arrays: Stored,
    agreement: Agreement | None,
    no_agreement: str = "",
) -> Iterator[Check]:
    """Yield every criterion of an update that went well.

    `no_agreement` says why there is no `agreement` with the reference runtime.
    """
    told = answer.get("told", [])
    yield completed(answer)
    yield _epochs(expected, [each["loss"] for each in told if each["event"] == "epoch end"])
    yield _losses(told)
    yield _before(expected, arrays)
    yield _changed(expected, arrays)
    yield _reloaded(expected, arrays)
    yield predictions(arrays)
    yield reloaded_predictions(arrays)
    yield _frozen(expected, arrays, agreement)
    title = "predictions are those of the reference runtime"
    if agreement is None:
        yield Check(title, None, no_agreement or "there is no comparison")
    else:
        yield Check(title, agreement.is_met, f"differ by {agreement}")


def completed(answer: Mapping[str, Any]) -> Check:
    """Return whether Core ML says that the task has come to its end."""
    said = answer.get("completed")
    return Check("task completed", said is True, str(said))


def _epochs(expected: Expected, losses: Sequence[float | None]) -> Check:
    seen = f"{len(losses)} of {expected.epochs} epochs"
    passed = len(losses) == expected.epochs > 0
    return Check("every epoch that was ordered has ended", passed, seen)


def _losses(told: Sequence[Mapping[str, Any]]) -> Check:
    """An epoch must have a loss; what is told of mini-batches and at the end may be nothing."""
    epochs = [each["loss"] for each in told if each["event"] == "epoch end"]
    others = [each["loss"] for each in told if each["event"] != "epoch end"]
    numbers = [*epochs, *(loss for loss in others if loss is not None)]
    passed = bool(epochs) and all(loss is not None and math.isfinite(loss) for loss in numbers)
    seen = ", ".join("none" if loss is None else f"{loss:g}" for loss in numbers) or "none"
    return Check("every loss is a number", passed, seen)


def _before(expected: Expected, arrays: Stored) -> Check:
    title = "weights before are those of the file"
    return _unchanged(title, expected, compared(expected, arrays, "before", expected.keys(True)))


def _unchanged(title: str, expected: Expected, found: Comparison) -> Check:
    if found.differing:
        return Check(title, False, f"differ: {expected.names(found.differing)}")
    if found.missing:
        return Check(title, None, f"Core ML did not give {expected.names(found.missing)}")
    order = f"; in another order: {expected.names(found.reordered)}" if found.reordered else ""
    count = len(found.equal) + len(found.reordered)
    return Check(title, count > 0, f"{count} arrays equal{order}")


def _changed(expected: Expected, arrays: Stored) -> Check:
    wrong, steps = [], []
    for number in expected.updatable:
        name = expected.layers[number]
        keys = [key for key in expected.stored if key.split(".")[0] == str(number)]
        found = {key: _step(expected, arrays, key) for key in keys}
        steps.append(worst(found.values()))
        if any(f"after.{key}" not in arrays for key in keys):
            wrong.append(f"Core ML did not give {name}")
        elif not math.isfinite(steps[-1]):
            wrong.append(f"{name} is not finite")
        elif steps[-1] == 0.0:
            wrong.append(f"{name} has not changed")
        elif found.get(f"{number}.weights") == 0.0:
            wrong.append(f"{name} has changed its biases only")
    title = "every updatable layer has changed and is finite"
    if wrong:
        return Check(title, False, ", ".join(wrong))
    return Check(title, bool(steps), f"largest steps {', '.join(f'{s:.2g}' for s in steps)}")


def _step(expected: Expected, arrays: Stored, key: str) -> float:
    """Return the largest step of an array, from the file where Core ML did not give it before."""
    before, after = arrays.get(f"before.{key}"), arrays.get(f"after.{key}")
    if before is not None:
        return difference(before, after)
    stored = expected.stored[key]
    if after is not None and np.array_equal(np.sort(after), np.sort(stored)):
        return 0.0  # in another order, perhaps
    return difference(stored, after)


def _reloaded(expected: Expected, arrays: Stored) -> Check:
    title = "the written model has the weights of the one in memory"
    keys = expected.keys(updatable=True)
    steps = {k: difference(arrays.get(f"after.{k}"), arrays.get(f"reloaded.{k}")) for k in keys}
    wrong = [key for key, step in steps.items() if step != 0.0]
    if wrong:
        return Check(title, False, f"differ: {expected.names(wrong)}")
    return Check(title, bool(keys), f"{len(keys)} arrays equal")


def predictions(arrays: Stored) -> Check:
    """Return whether all that was predicted are numbers."""
    title = "every prediction is a number, before and after"
    names = [
        f"predicted.{when}.{output}"
        for when in ("before", "after", "reloaded")
        for output in outputs(arrays)
    ]
    wrong = [name for name in names if not np.isfinite(arrays.get(name, np.array(math.nan))).all()]
    return Check(title, bool(names) and not wrong, ", ".join(wrong) or f"{len(names)} arrays")


def reloaded_predictions(arrays: Stored) -> Check:
    """Return whether the model predicts the same when it has been written and read."""
    title = "the written model predicts what the one in memory does"
    largest = worst(
        relative(arrays.get(f"predicted.after.{n}"), arrays.get(f"predicted.reloaded.{n}"))
        for n in outputs(arrays)
    )
    seen = f"{largest:.1e} of the range of the outputs"
    return Check(title, largest <= ACROSS_ENGINES, seen)


def _frozen(expected: Expected, arrays: Stored, agreement: Agreement | None) -> Check:
    """Compare frozen weights where Core ML gives them, else go by what they compute, if known."""
    title = "what is frozen has not changed"
    keys = expected.keys(updatable=False)
    if not keys:
        return Check(title, True, "no convolution or inner product is frozen")
    found = compared(expected, arrays, "frozen", keys)
    if found.missing and not found.differing and agreement is not None and agreement.is_met:
        return Check(title, True, f"seen by predictions, which differ by {agreement}")
    return _unchanged(title, expected, found)
