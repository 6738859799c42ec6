"""A hyperparameter has or allows a value that makes no sense.

What: a value that is not a finite number; a range whose minimum is above its maximum; a negative
learning rate, momentum, beta or eps; momentum or beta of 1 or more by default; a learning rate of
0 by default; a batch size, epoch number or number of neighbours that may become 0 or less.
Why: Apple's validator only asks whether the default is allowed, ignores momentum and shuffle, and
does not look at values of a set after the default.
Fix: correct the value; Keras' default learning rates are 0.01 (SGD) and 0.001 (Adam).
Source: `ParameterValidator.cpp`; seen with the published validator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from converter.coreml.hyperparameters import Hyperparameter, hyperparameters
from converter.coreml.neighbors import KIND
from converter.coreml.optimizers import NUMBERS
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O215", "hyperparameter-sense", "error", "ours")

BELOW_ONE = tuple(number.field for number in NUMBERS.values() if number.is_decay)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each hyperparameter that makes no sense."""
    for item in _all(model):
        problem = _of_integer(item) if item.integer else _of_number(item)
        if problem:
            yield RULE.found(f"{item.name} {problem}", "correct the value")


def _all(model: View) -> Iterator[Hyperparameter]:
    if model.updatable_net is not None:
        yield from hyperparameters(model.updatable_net)
    elif model.kind == KIND:
        neighbors = model.params.numberOfNeighbors
        yield Hyperparameter("numberOfNeighbors", neighbors, integer=True, positive=True)


def _of_integer(item: Hyperparameter) -> str | None:
    allowed = item.value.WhichOneof("AllowedValues")
    values = list(item.value.set.values) if allowed == "set" else []
    if item.positive and any(value <= 0 for value in values):
        return f"may become {min(values)}"
    return None


def _of_number(item: Hyperparameter) -> str | None:
    default = item.value.defaultValue
    limits = item.value.range if item.value.HasField("range") else None
    numbers = [default, limits.minValue, limits.maxValue] if limits is not None else [default]
    if not all(map(math.isfinite, numbers)):
        return f"has a value that is not a finite number among {numbers}"
    if limits is not None and limits.minValue > limits.maxValue:
        return f"has a range from {limits.minValue} to {limits.maxValue}"
    if min(numbers) < 0:
        return f"may be negative: {min(numbers)}"
    if item.name in BELOW_ONE and default >= 1:
        return f"is {default}, but has to be below 1"
    if item.name == "momentum" and limits is not None and default > limits.maxValue:
        return f"is {default}, outside of its range"
    return (
        "is 0, so that nothing is learned" if item.name == "learningRate" and not default else None
    )
