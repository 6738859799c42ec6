"""How the device will learn: optimizer, its ranges, epochs and batch sizes, all within Core ML.

The numbers come from the recipe, else from the Keras model's own ``compile`` settings, else from
the defaults here. What Core ML has no word for is noted, not dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from converter.coreml.optimizers import BY_NAME, NUMBERS
from converter.errors import UnsupportedError, UsageError
from converter.keras_file.compiled import CompileSettings
from converter.learning import unspoken
from converter.learning.schedules import Start, is_number, name_of, start
from converter.recipe import Choice, Range, Recipe

EPOCHS = tuple(range(1, 101))
"""Epochs that an app may choose. Core ML refuses a value that the file does not list."""

BATCH_SIZES = (*range(1, 33), 40, 48, 50, 64, 80, 96, 100, 128, 192, 256, 512)
"""Mini-batch sizes that an app may choose."""

DEFAULT_EPOCHS = 10
DEFAULT_BATCH_SIZE = 32

COUNTERPARTS = {"SGD": "sgd", "Adam": "adam", "AdamW": "adam"}
"""Class of an optimizer in Keras -> the one in Core ML that computes the same."""

RATES = {
    "Adadelta": "a factor on steps of its own size; Adam's rate is the size of a step, usually "
    "0.001",
    "Adafactor": "relative to the size of the weights; Adam's is the size of a step",
    "Adagrad": "one that falls from step to step; Adam's stays",
    "Ftrl": "one that falls from step to step; Adam's stays",
    "Lamb": "relative to the size of the weights; Adam's is the size of a step",
    "Lion": "usually 3 to 10 times smaller than Adam's",
    "Muon": "the size of a step of a whole matrix; Adam's is that of each weight",
}
"""Optimizer whose learning rate is no measure for Adam's -> what it is."""


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
        UnsupportedError: no optimizer can work with a number that the model was compiled with.
    """
    name, config = (settings.optimizer, settings.optimizer_config) if settings else (None, {})
    usual = COUNTERPARTS.get(name or "")
    optimizer = recipe.optimizer or usual or "adam"
    defaults = BY_NAME[optimizer].defaults
    for key in NUMBERS:
        if getattr(recipe, key) is not None and key not in defaults:
            raise UsageError(f"{key} is not a parameter of the optimizer {optimizer}")
    rate = _stored_rate(config)
    stored = {"learning_rate": rate.rate}
    if usual == optimizer:  # another optimizer's numbers mean other things, but for the rate
        stored |= {key: config.get(key) for key in defaults if key != "learning_rate"}
    numbers = {
        key: _number(key, getattr(recipe, key), stored.get(key), default)
        for key, default in defaults.items()
    }
    notes: list[str] = []
    if name is not None:
        notes += _about(name, config, optimizer, recipe, rate, numbers["learning_rate"].default)
    return Training(
        optimizer,
        numbers,
        _count("epochs", recipe.epochs, DEFAULT_EPOCHS, EPOCHS),
        _count("batch_size", recipe.batch_size, DEFAULT_BATCH_SIZE, BATCH_SIZES),
        recipe.shuffle,
        recipe.seed,
        tuple(notes),
    )


def _stored_rate(config: Mapping[str, Any]) -> Start:
    """Return the learning rate that a model was compiled with, or that its schedule starts with."""
    stored = config.get("learning_rate")
    if isinstance(stored, Mapping):
        return start(stored)
    return Start(stored) if is_number(stored) else Start(None)


def _about(
    name: str,
    config: Mapping[str, Any],
    optimizer: str,
    recipe: Recipe,
    stored: Start,
    rate: float,
) -> Iterator[str]:
    """Yield what the device does otherwise than the optimizer `name` of Keras with `config`.

    `stored` is where Keras's learning rate starts, `rate` what the device learns with.
    """
    title, known = BY_NAME[optimizer].keras, COUNTERPARTS.get(name) == optimizer
    source = (
        f"at the chosen rate, {rate:g}" if recipe.learning_rate is not None
        else f"at its usual rate, {rate:g}, because the file tells none" if stored.rate is None
        else f"at the same rate, {rate:g}"
    )  # fmt: skip
    if not known and recipe.optimizer is None:
        own = unspoken.own_arguments(config)
        yield f"Core ML has no {name}{own}; the device learns with {title}, {source}"
    elif not known:
        yield f"the model was compiled with {name}; the device learns with {title}, {source}"
    if not known and stored.rate is not None and recipe.learning_rate is None and name in RATES:
        yield f"the rate of {name} is {RATES[name]}: see whether {rate:g} suits"
    if isinstance(config.get("learning_rate"), Mapping):
        yield _about_schedule(config["learning_rate"], recipe, stored, rate)
    yield from unspoken.of_optimizer(config, known)


def _about_schedule(schedule: Mapping[str, Any], recipe: Recipe, stored: Start, rate: float) -> str:
    lacking = f"Core ML has no learning-rate schedule ({name_of(schedule)})"
    if recipe.learning_rate is not None:
        return f"{lacking}; the chosen rate, {rate:g}, stays"
    if stored.rate is None:
        return f"{lacking}, and how this one starts is not known; the rate is the usual {rate:g}"
    return f"{lacking}; {stored.what}, {rate:g}, is kept"


def _number(name: str, asked: float | Range | None, stored: Any, usual: float) -> Number:
    """Return a number: as the recipe says, else as the model was compiled, else as usual."""
    default = float(stored) if is_number(stored) else usual
    chosen = asked.default if isinstance(asked, Range) else asked
    if chosen is None:
        chosen = default
        wrong = NUMBERS[name].complaint(default)
        if wrong:
            flag = f"--{name.replace('_', '-')}"
            raise UnsupportedError(
                f"the model was compiled with {name} {default:g}, which {wrong}; choose another "
                f"with {flag}"
            )
    elif wrong := NUMBERS[name].complaint(chosen):
        raise UsageError(f"{name} {chosen:g} {wrong}")
    if isinstance(asked, Range):
        if not asked.min <= chosen <= asked.max:
            raise UsageError(f"{name} {chosen} is not within {asked.min} … {asked.max}")
        return Number(chosen, asked.min, asked.max)
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
