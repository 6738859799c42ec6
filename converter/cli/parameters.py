"""What options take that is more than a word: functions for ``type=`` of click."""

from __future__ import annotations

import math
from typing import Any

import click

LARGEST_INTEGER = 2**63 - 1
"""Core ML files hold whole numbers in 64 bits."""

LARGEST_COUNT = 2**31 - 1
"""Nothing that is counted here can be more: TensorFlow counts in 32 bits."""


class Whole(click.IntRange):
    """A whole number from `lowest` on that a file can hold; any number of digits may be typed."""

    name = "integer"

    def __init__(self, lowest: int | None = None, most: int = LARGEST_INTEGER) -> None:
        super().__init__(-most - 1 if lowest is None else lowest, most)
        self._said = "" if lowest is None else f"x>={lowest}"

    def _describe_range(self) -> str:
        return self._said  # the upper end is of no interest in ``--help``


class Finite(click.FloatRange):
    """A number, neither infinite nor NaN, between bounds if there are any."""

    name = "float"

    def _describe_range(self) -> str:
        return "" if self.min is None and self.max is None else super()._describe_range()

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


def factor(text: str) -> float:
    """Return a number such as ``0.5`` or ``1/255``.

    Raises:
        ValueError: it is none, or not finite.
    """
    above, _, below = text.partition("/")
    number = float(above) / float(below or 1)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def shape(text: str) -> tuple[int, ...]:
    """Return the shape of an input without the batch, such as ``224,224,3``."""
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1 or math.prod(sizes) > LARGEST_COUNT:
        raise click.BadParameter(f"{text!r} is not a list of sizes like 224,224,3")
    return sizes


def per_channel(text: str) -> tuple[float, ...]:
    """Return one number, or one for each colour, such as ``0.1,0.2,0.3``."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
        if not all(map(math.isfinite, numbers)):
            raise ValueError(text)
        return numbers
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers like 1,2,3") from None
