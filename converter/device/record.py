"""What Core ML has done in the trainings of `converter.device.trainings`, as a JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converter.device.batch import Array
from converter.errors import DataError, reason

VERSION = 1
"""Of the format; another one is refused."""

RECORDED = "recorded"
"""The outcome of a training that came to its end; all others have a reason why not."""

EVENTS = ("mini-batch end", "epoch end", "completion")
"""When Core ML tells a loss."""

SIZES = {"weights": 6, "biases": 3}
"""Of the layer ``dense``, flat; weights are by output first, as in the file."""


@dataclass(frozen=True)
class Told:
    """A loss that Core ML told: at which of `EVENTS`, in which epoch and mini-batch, from 0.

    What Core ML did not tell is None, and a loss that is not finite too.
    """

    event: str
    epoch: int | None
    mini_batch: int | None
    loss: float | None


@dataclass(frozen=True)
class Seen:
    """What one training left.

    Attributes:
        outcome: `RECORDED`, or how it ended otherwise, as in `converter.device.verdict`.
        reason: one sentence.
        before: "weights" ``[6]`` and "biases" ``[3]`` when training began.
        after: the same of the model that was handed over at the end; None if there was none.
        losses: in the order in which they were told.
    """

    outcome: str
    reason: str = ""
    before: Mapping[str, Array] | None = None
    after: Mapping[str, Array] | None = None
    losses: tuple[Told, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "before": _listed(self.before),
            "after": _listed(self.after),
            "losses": [vars(told) for told in self.losses],
        }


@dataclass(frozen=True)
class Record:
    """All trainings of one run on a Mac, by name. `machine` says where and by what they ran."""

    machine: Mapping[str, str]
    trainings: Mapping[str, Seen] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "calibration": VERSION,
            "machine": dict(self.machine),
            "trainings": {name: seen.as_dict() for name, seen in self.trainings.items()},
        }


def _listed(arrays: Mapping[str, Array] | None) -> dict[str, list[float]] | None:
    return None if arrays is None else {key: arrays[key].tolist() for key in SIZES}


def read(path: Path) -> Record:
    """Return the record in the file `path`.

    Raises:
        DataError: it cannot be read, is no record, or one of another version.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({reason(error)})") from error
    except ValueError as error:
        raise DataError(f"{path}: is not JSON") from error
    if not isinstance(found, dict) or "calibration" not in found:
        raise DataError(
            f"{path}: is no record of a calibration; "
            "make one on a Mac with make-updatable verify --on-device --calibrate -o FILE"
        )
    if found["calibration"] != VERSION:
        raise DataError(
            f"{path}: is a record of version {found['calibration']}, and this reads {VERSION}; "
            "make it with the same version of make-updatable"
        )
    try:
        seen = {name: _seen(training) for name, training in found["trainings"].items()}
        return Record({str(k): str(v) for k, v in found["machine"].items()}, seen)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: is damaged; make it again") from error


def _seen(found: Mapping[str, Any]) -> Seen:
    return Seen(
        str(found["outcome"]),
        str(found["reason"]),
        _arrays(found["before"]),
        _arrays(found["after"]),
        tuple(_told(told) for told in found["losses"]),
    )


def _arrays(found: Mapping[str, Any] | None) -> dict[str, Array] | None:
    if found is None:
        return None
    return {
        key: np.array(
            [math.nan if value is None else float(value) for value in found[key]], np.float32
        ).reshape(size)
        for key, size in SIZES.items()
    }


def _told(found: Mapping[str, Any]) -> Told:
    if found["event"] not in EVENTS:
        raise ValueError(found["event"])
    numbers = (found["epoch"], found["mini_batch"])
    if any(number is not None and type(number) is not int for number in numbers):
        raise ValueError(numbers)
    loss = found["loss"]
    return Told(found["event"], *numbers, None if loss is None else float(loss))
