"""The numbers of an update: those in the file, or others that the file allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from converter.arithmetic import KERAS, Arithmetic
from converter.coreml.mlmodel import Message, network
from converter.coreml.optimizers import BATCH_SIZE, LARGEST_INTEGER, NUMBERS, OPTIMIZERS, Number
from converter.coreml.pipelines import learner
from converter.coreml.subject import updatable
from converter.errors import TrainingError, UsageError


@dataclass(frozen=True)
class Settings:
    """How one update runs. `numbers` has those of the optimizer, by their names in Keras."""

    optimizer: str
    numbers: Mapping[str, float]
    epochs: int
    batch_size: int
    shuffle: bool
    seed: int
    arithmetic: Arithmetic = KERAS


def settings(model: Message, **chosen: float | int | bool | None) -> Settings:
    """Return the settings stored in `model`, with those in `chosen` that are not None instead.

    Names: those of `coreml.optimizers.TRAINING`. The arithmetic, of which files say nothing, is
    Keras's.

    Raises:
        UsageError: a value lies outside what the model allows, where Core ML would refuse it too,
            or belongs to the other optimizer.
        TrainingError: the model has no optimizer, or is not updatable.
    """
    net = network(learner(model))
    update = net.updateParams if net is not None else None
    if update is None or update.optimizer.WhichOneof("OptimizerType") is None:
        updatable(model)  # says so if it is not, or of another kind
        raise TrainingError("the model has no optimizer, so that nothing can be updated")
    kind = update.optimizer.WhichOneof("OptimizerType")
    optimizer = getattr(update.optimizer, kind)
    known = OPTIMIZERS[kind]
    foreign = [n for n in NUMBERS if chosen.get(n) is not None and n not in known.defaults]
    if foreign:
        raise UsageError(f"{foreign[0]} is no number of this model's optimizer, {known.keras}")
    shuffle = chosen.get("shuffle")
    return Settings(
        kind,
        {
            number.keras: _double(
                getattr(optimizer, number.field), number, chosen.get(number.keras)
            )
            for number in known.numbers
        },
        _count(update.epochs, "epochs", chosen.get("epochs")),
        _count(getattr(optimizer, BATCH_SIZE), "batch_size", chosen.get("batch_size")),
        bool(update.shuffle.defaultValue if shuffle is None else shuffle),
        _integer(update.seed, "seed", chosen.get("seed")),
    )


def _double(parameter: Message, number: Number, chosen: float | None) -> float:
    name, value = number.keras, float(parameter.defaultValue if chosen is None else chosen)
    if parameter.HasField("range"):
        low, high = parameter.range.minValue, parameter.range.maxValue
        if not low <= value <= high:
            raise UsageError(f"{name} {value:g}: the model allows {low:g} to {high:g}")
    wrong = None if chosen is None else number.complaint(value)
    if wrong:
        raise UsageError(f"{name} {value:g} {wrong}")
    return value


def _integer(parameter: Message, name: str, chosen: float | None) -> int:
    value = parameter.defaultValue if chosen is None else chosen
    if not isinstance(value, (int, np.integer)) or abs(value) > LARGEST_INTEGER:
        raise UsageError(f"{name} {value}: must be a whole number of 64 bits")
    value = int(value)
    kind = parameter.WhichOneof("AllowedValues")
    if kind == "range":
        low, high = parameter.range.minValue, parameter.range.maxValue
        if not low <= value <= high:
            raise UsageError(f"{name} {value}: the model allows {low} to {high}")
    if kind == "set" and value not in parameter.set.values:
        raise UsageError(f"{name} {value}: the model allows {_listed(parameter.set.values)}")
    return value


def _count(parameter: Message, name: str, chosen: float | None) -> int:
    value = _integer(parameter, name, chosen)
    if value < 1:
        raise UsageError(f"{name} {value}: must be 1 or more")
    return value


def _listed(values: list[int]) -> str:
    """Return the allowed values, shortened when there are many."""
    ordered = sorted(values)
    if len(ordered) > 12:
        return f"{len(ordered)} values from {ordered[0]} to {ordered[-1]}, not this one"
    return ", ".join(map(str, ordered))
