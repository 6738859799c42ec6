"""How the device will learn: optimizer, its ranges, epochs and batch sizes, all within Core ML.

The numbers come from the recipe, else from the Keras model's own ``compile`` settings, else from
the defaults here. What Core ML has no word for is noted, not dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from converter.coreml.optimizers import BY_NAME, NUMBERS
from converter.errors import UsageError
from converter.keras_file.compiled import CompileSettings
from converter.recipe import Choice, Range, Recipe

EPOCHS = tuple(range(1, 101))
"""Epochs that an app may choose. Core ML refuses a value that the file does not list."""

BATCH_SIZES = (*range(1, 33), 40, 48, 50, 64, 80, 96, 100, 128, 192, 256, 512)
"""Mini-batch sizes that an app may choose."""

DEFAULT_EPOCHS = 10
DEFAULT_BATCH_SIZE = 32

UNKNOWN_TO_CORE_ML = {
    "nesterov": "Nesterov momentum",
    "amsgrad": "AMSGrad",
    "weight_decay": "weight decay",
    "decay": "learning-rate decay",
    "clipnorm": "gradient clipping by norm",
    "clipvalue": "gradient clipping by value",
    "global_clipnorm": "gradient clipping by global norm",
    "use_ema": "averaging of weights",
    "gradient_accumulation_steps": "gradient accumulation",
}
"""Optimizer argument of Keras -> what it is called in a note."""


@dataclass(frozen=True)
class Number:
    """A number with the range that an app may choose from."""

    default: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Count:
    """A whole number with the values that an app may choose from."""

    default: int
    allowed: tuple[int, ...]


@dataclass(frozen=True)
class Training:
    """The update section of the model. `numbers` goes by the names in Keras."""

    optimizer: str
    numbers: Mapping[str, Number]
    epochs: Count
    batch_size: Count
    shuffle: bool
    seed: int | None
    notes: tuple[str, ...] = ()

    def with_halved_rate(self) -> Training:
        """Return the same with half the learning rate."""
        rate = self.numbers["learning_rate"]
        halved = replace(rate, default=rate.default / 2)
        return replace(self, numbers={**self.numbers, "learning_rate": halved})


def training(recipe: Recipe, settings: CompileSettings | None) -> Training:
    """Return how the device learns, by `recipe` and what the model was compiled with.

    Raises:
        UsageError: a number belongs to the other optimizer, or is out of its range.
    """
    optimizer, stored, notes = _optimizer(recipe, settings)
    defaults = BY_NAME[optimizer].defaults
    for name in NUMBERS:
        if getattr(recipe, name) is not None and name not in defaults:
            raise UsageError(f"{name} is not a parameter of the optimizer {optimizer}")
    numbers = {
        name: _number(name, getattr(recipe, name), float(stored.get(name, default)))
        for name, default in defaults.items()
    }
    return Training(
        optimizer,
        numbers,
        _count("epochs", recipe.epochs, DEFAULT_EPOCHS, EPOCHS),
        _count("batch_size", recipe.batch_size, DEFAULT_BATCH_SIZE, BATCH_SIZES),
        recipe.shuffle,
        recipe.seed,
        tuple(notes),
    )


def _optimizer(
    recipe: Recipe, settings: CompileSettings | None
) -> tuple[str, Mapping[str, Any], list[str]]:
    """Return the optimizer, its stored numbers, and notes on what is lost."""
    stored = settings.optimizer if settings else None
    known = {"SGD": "sgd", "Adam": "adam", "AdamW": "adam"}
    optimizer = recipe.optimizer or known.get(stored or "", "adam")
    if settings is None or known.get(stored or "") != optimizer:
        if stored and recipe.optimizer is None:
            return (
                optimizer,
                {},
                [f"Core ML has no {stored}; the device learns with Adam, rate 0.001"],
            )
        return optimizer, {}, []
    config = dict(settings.optimizer_config)
    notes = [
        f"Core ML has no {what}; the device learns without it"
        for name, what in UNKNOWN_TO_CORE_ML.items()
        if config.get(name)
    ]
    if isinstance(config.get("learning_rate"), Mapping):
        schedule = config.pop("learning_rate")
        start = schedule.get("config", {}).get("initial_learning_rate")
        config |= {"learning_rate": start} if start else {}
        notes.append("Core ML has no learning-rate schedule; its first value is kept")
    return optimizer, config, notes


def _number(name: str, asked: float | Range | None, default: float) -> Number:
    if isinstance(asked, Range):
        chosen = default if asked.default is None else asked.default
        if not asked.min <= chosen <= asked.max:
            raise UsageError(f"{name} {chosen} is not within {asked.min} … {asked.max}")
        return Number(chosen, asked.min, asked.max)
    chosen = default if asked is None else asked
    if chosen < 0:
        raise UsageError(f"{name} {chosen} is negative")
    return Number(chosen, 0.0, max(1.0, chosen))


def _count(name: str, asked: int | Choice | None, default: int, usual: tuple[int, ...]) -> Count:
    if isinstance(asked, Choice):
        allowed = asked.values or usual
        chosen = asked.default or (default if default in allowed else allowed[0])
        if chosen not in allowed:
            raise UsageError(f"{name} {chosen} is not among the allowed {list(allowed)}")
        return Count(chosen, tuple(sorted(set(allowed))))
    chosen = asked or default
    return Count(chosen, tuple(sorted({*usual, chosen})))
