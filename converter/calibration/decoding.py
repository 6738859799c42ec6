"""The way to count whose results are nearest to what was seen, question by question.

Nothing is guessed: where nothing is near the answer is "none of these", and where two ways leave
the same weights they are both named.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converter.arithmetic import COREML, OPTIONS, Arithmetic
from converter.calibration.prediction import Prediction, predicted
from converter.calibration.questions import BY_NAME, QUESTIONS, Question, depends
from converter.device.record import RECORDED, Record, Seen
from converter.device.trainings import BIASES, WEIGHTS

NEAR = 1e-4
"""The largest difference from what a way to count would have left; above it, it was none of them.
Rounding to 32 bits makes 1e-7 of it, and two ways that can be told apart differ by 3e-4 or more."""

SAME = 1e-5
"""Ways whose differences are as near to each other as this cannot be told apart."""

Found = Mapping[str, Sequence[Any]]
"""Field of `Arithmetic` -> what it may be after the questions that are answered."""


@dataclass(frozen=True)
class Answer:
    """What a record says of one field of `Arithmetic`.

    Attributes:
        field: its name.
        options: what it is; none if it is none of those that are known, or nothing was measured;
            several if they cannot be told apart.
        nearest: the option with the smallest difference, None if nothing was measured.
        difference: from what it would have left.
        runner_up: the next one beside `options`, None if there is none.
        runner_up_difference: from what that one would have left.
    """

    field: str
    options: tuple[Any, ...] = ()
    nearest: Any = None
    difference: float = math.inf
    runner_up: Any = None
    runner_up_difference: float = math.inf


def decode(record: Record) -> list[Answer]:
    """Return an answer to each of `QUESTIONS`."""
    usable = {name: seen for name, seen in record.trainings.items() if is_usable(name, seen)}
    found: dict[str, Sequence[Any]] = {}
    answers = []
    for question in QUESTIONS:
        answers.append(_answer(question, usable, found))
        found[question.field] = answers[-1].options
    return answers


def known(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return what the fields of `Arithmetic` are, without those that are not known.

    Of options that cannot be told apart it is that of `COREML`, or else the first.
    """
    return {
        answer.field: before
        if (before := getattr(COREML, answer.field)) in answer.options
        else answer.options[0]
        for answer in answers
        if answer.options
    }


def is_usable(name: str, seen: Seen | None) -> bool:
    """Tell whether a training is known, came to its end, and began where it should."""
    if name not in BY_NAME or seen is None or seen.outcome != RECORDED or seen.before is None:
        return False
    begun = np.append(seen.before["weights"], seen.before["biases"])
    return np.array_equal(begun, np.append(WEIGHTS.ravel(), BIASES))


def _answer(question: Question, usable: Mapping[str, Seen], found: Found) -> Answer:
    names = [n for n in question.trainings if n in usable and _is_isolated(question, n, found)]
    if not names:
        return Answer(question.field)
    fields = {field for name in names for field in depends(BY_NAME[name])} - {question.field}
    bases = list(_bases(fields, found))
    differences = {
        option: min(
            _difference(question, names, usable, replace(base, **{question.field: option}))
            for base in bases
        )
        for option in OPTIONS[question.field]
    }
    return _judged(question.field, differences)


def _is_isolated(question: Question, name: str, found: Found) -> bool:
    """Tell whether all else that training `name` depends on is known."""
    return all(found.get(field) for field in depends(BY_NAME[name]) if field != question.field)


def _bases(fields: set[str], found: Found) -> list[Arithmetic]:
    """Return every arithmetic that `fields` may be by what is known."""
    names = sorted(fields)
    choices = itertools.product(*(found[name] for name in names))
    return [replace(COREML, **dict(zip(names, chosen, strict=True))) for chosen in choices]


def _difference(
    question: Question, names: Sequence[str], usable: Mapping[str, Seen], arithmetic: Arithmetic
) -> float:
    return max(
        question.difference(usable[name], _left(name, arithmetic), arithmetic) for name in names
    )


def _left(name: str, arithmetic: Arithmetic) -> Prediction:
    """Return what training `name` would leave, computed once for all that it depends on."""
    return _computed(name, *(getattr(arithmetic, field) for field in depends(BY_NAME[name])))


@functools.cache
def _computed(name: str, *matters: Any) -> Prediction:
    training = BY_NAME[name]
    fields = dict(zip(depends(training), matters, strict=True))
    return predicted(training, replace(COREML, **fields))


def _judged(field: str, differences: Mapping[Any, float]) -> Answer:
    """Return the answer by the differences of all options."""
    ranked = sorted(differences, key=lambda option: differences[option])
    nearest = ranked[0]
    least = differences[nearest]
    limit = min(NEAR, least + SAME)
    options = tuple(option for option in ranked if differences[option] <= limit)
    others = [option for option in ranked if option not in options and option != nearest]
    runner_up = others[0] if others else None
    return Answer(field, options, nearest, least, runner_up, differences.get(runner_up, math.inf))
