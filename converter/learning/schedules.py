"""Where a learning-rate schedule of Keras starts: Core ML has one rate for a whole update.

A warm-up begins at or near 0, with which nothing would be learned; there the rate that it leads to
is taken. Of schedules that are not Keras's own, an argument tells if its name does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from converter.keras_file.compiled import plain

REACHED = (
    "warmup_target", "target_learning_rate", "target_lr", "peak_learning_rate", "peak_lr",
    "max_learning_rate", "maximal_learning_rate", "max_lr", "learning_rate_base",
    "base_learning_rate", "base_lr", "after_warmup_lr_sched",
)  # fmt: skip
"""Arguments that say, in order of trust, which rate a warm-up leads to."""

FIRST = ("initial_learning_rate", "initial_lr", "init_lr", "learning_rate", "lr")
"""Arguments that say, in order of trust, which rate comes first."""

KERAS_OWN = (
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay",
    "PiecewiseConstantDecay", "PolynomialDecay", "LinearCosineDecay", "NoisyLinearCosineDecay",
)  # fmt: skip
"""Schedules of ``keras.optimizers.schedules``, and of ``tf.keras.experimental``."""


@dataclass(frozen=True)
class Start:
    """The rate to learn with, None if the file does not tell, and what it is of the schedule."""

    rate: float | None
    what: str = ""


def name_of(schedule: Mapping[str, Any]) -> str:
    """Return the class of a stored schedule, or the name of a function."""
    config = schedule.get("config")
    own = config if isinstance(config, str) else schedule.get("class_name")
    return str(own or "of its own")


def start(schedule: Mapping[str, Any]) -> Start:
    """Return where the stored `schedule`, a mapping with ``class_name`` and ``config``, starts."""
    return next(_starts(schedule), Start(None))


def _starts(schedule: Mapping[str, Any]) -> Iterator[Start]:
    """Yield what `schedule` may start with, the best first."""
    name, config = name_of(schedule), schedule.get("config")
    if not isinstance(config, Mapping):
        return
    own = name in KERAS_OWN
    for key in REACHED:
        if rate := _rate(config.get(key)):
            yield Start(rate, "the rate that its warm-up reaches")
    if rises_to := _end_of_rise(config):
        yield Start(rises_to, "the rate that it rises to")
    values = config.get("values")
    if isinstance(values, list) and (rates := [rate for v in values if (rate := _rate(v))]):
        first = "its first value" if _rate(values[0]) else "its first value above 0"
        yield Start(rates[0], first)
    for key in FIRST:
        rate = _rate(config.get(key))
        if rate or (own and rate is not None):
            yield Start(rate, "its first value" if own else f"its {key}")
    for inner in config.values():
        if isinstance(inner, Mapping) and "class_name" in inner:
            yield from _starts(inner)


def is_number(value: Any) -> bool:
    """Tell whether a stored setting is a number; JSON's true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _rate(value: Any) -> float | None:
    return float(plain(float(value))) if is_number(value) else None


def _end_of_rise(config: Mapping[str, Any]) -> float | None:
    """Return the last rate of a ``PolynomialDecay`` that goes up, as a warm-up does."""
    first, last = (_rate(config.get(f"{what}_learning_rate")) for what in ("initial", "end"))
    return last if first is not None and last is not None and last > first else None
