"""All trainings of `converter.device.trainings` in Core ML, on this Mac."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from converter.coreml.subject import subject
from converter.device import job
from converter.device.batch import Array
from converter.device.child import Ending
from converter.device.record import RECORDED, SIZES, Record, Seen, Told
from converter.device.trainings import TRAININGS, Training
from converter.device.verdict import Outcome, incomplete

MACHINE = ("system", "pyobjc", "compute_units")
"""What the child says of where it runs."""

Hear = Callable[[Training, Seen], None]


def measure(timeout: float, hear: Hear = lambda training, seen: None) -> Record:
    """Run all trainings, each in a child process of its own, and return what Core ML did.

    Each may take `timeout` seconds; `hear` is told of each when it has ended.
    """
    machine: dict[str, str] = {}
    found: dict[str, Seen] = {}
    for training in TRAININGS:
        ending = run(training, timeout)
        answer = ending.answer or {}
        machine |= {key: str(answer[key]) for key in MACHINE if key in answer}
        found[training.name] = seen(ending)
        hear(training, found[training.name])
    return Record(machine, found)


def run(training: Training, timeout: float) -> Ending:
    """Run one training with the settings that its model has."""
    settings = job.Settings(
        training.epochs, training.batch_size, training.shuffle, True, training.later_rate
    )
    return job.run(subject(training.model), training.batch, settings, timeout)


def seen(ending: Ending) -> Seen:
    """Return what a training has left, made from how its child process ended.

    A training that Core ML has completed is recorded, whatever happened to its model afterwards.
    """
    answer = ending.answer or {}
    before, after = (_weights(ending.arrays, when) for when in ("before", "after"))
    told = tuple(_told(each) for each in answer.get("told", []))
    other = incomplete(ending)
    troubles = [other[1]] if other else []
    reason = "; ".join([*troubles, *answer.get("troubles", [])])
    if answer.get("completed") is True and after is not None:
        return Seen(RECORDED, reason, before, after, told)
    outcome = other[0] if other else Outcome.FAILED
    return Seen(outcome.value, reason or "the training was not completed", before, after, told)


def _weights(arrays: Mapping[str, Array], when: str) -> dict[str, Array] | None:
    """Return weights and biases of the only layer, None unless both are there and of its size."""
    found = {key: arrays.get(f"{when}.0.{key}") for key in SIZES}
    given = {key: array for key, array in found.items() if array is not None}
    return given if {key: array.size for key, array in given.items()} == SIZES else None


def _told(found: Mapping[str, Any]) -> Told:
    loss = found["loss"]
    is_number = loss is not None and math.isfinite(loss)
    return Told(found["event"], found["epoch"], found["mini_batch"], loss if is_number else None)
