"""What else a record tells: the orders that were taken, and losses told in another scale."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from converter.arithmetic import COREML, Arithmetic
from converter.calibration.decoding import NEAR, Answer, is_usable, known
from converter.calibration.prediction import predicted
from converter.calibration.questions import BY_NAME, flat, largest
from converter.device.record import Record

Orders: TypeAlias = tuple[tuple[int, ...], ...]

SHUFFLED = ("T7", "T8")
ONE_BATCH = ("T1", "T5")
"""Trainings of a single mini-batch: what they tell is its loss, however losses are put together."""


def remarks(record: Record, answers: Sequence[Answer]) -> Iterator[str]:
    """Yield what to know beside `answers`."""
    found = known(answers)
    arithmetic = replace(COREML, **found)
    if "squared_error" in found:
        for name in SHUFFLED:
            if is_usable(name, record.trainings.get(name)):
                yield _order(record, name, arithmetic)
    if "loss" not in found:
        yield from _scales(record, arithmetic)


def _order(record: Record, name: str, arithmetic: Arithmetic) -> str:
    orders, difference = taken_orders(record, name, arithmetic)
    listed = ", then ".join(" ".join(map(str, order)) for order in orders)
    if difference > NEAR:
        return f"{name}: no order of the samples leaves these weights (off by {difference:.1e})"
    return f"{name}: the samples were taken in the order {listed} (off by {difference:.1e})"


def taken_orders(record: Record, name: str, arithmetic: Arithmetic) -> tuple[Orders, float]:
    """Return the orders, one for each epoch, that come nearest to training `name`, and how near."""
    training, seen = BY_NAME[name], flat(record.trainings[name])
    permutations = itertools.permutations(range(len(training.samples)))
    differences = {
        orders: largest(
            seen - predicted(training, arithmetic, [np.array(order) for order in orders]).weights
        )
        for orders in itertools.product(permutations, repeat=training.epochs)
    }
    nearest = min(differences, key=lambda orders: differences[orders])
    return nearest, differences[nearest]


def _scales(record: Record, arithmetic: Arithmetic) -> Iterator[str]:
    """Yield how the loss that is told of one mini-batch relates to the one that is minimised."""
    for name in ONE_BATCH:
        seen = record.trainings.get(name)
        if not is_usable(name, seen) or seen is None or not seen.losses:
            continue
        told = seen.losses[-1].loss
        if told is not None:
            minimised = predicted(BY_NAME[name], arithmetic).losses[0][0]
            yield f"{name}: told is {told / minimised:.4f} of the loss that is minimised"
