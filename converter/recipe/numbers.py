"""How a number may be written, in recipes and on the command line: ``0.5``, ``1e-3``, ``1/255``."""

from __future__ import annotations

import math

FRACTION = r"^ *[-+]?[.0-9][-+.0-9eE]* */ *[-+]?[.0-9][-+.0-9eE]* *$"
"""What a quotient looks like, for the JSON Schema of recipes."""


def number(text: str) -> float:
    """Return the number that `text` is, or the quotient of two numbers.

    Raises:
        ValueError: it is neither, or not finite.
    """
    above, stroke, below = text.partition("/")
    try:
        parts = float(above), float(below) if stroke else 1.0
        found = parts[0] / parts[1] if math.isfinite(parts[1]) else math.nan
    except (ValueError, ZeroDivisionError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{text!r} is no number like 0.5 or 1/255")
    return found


def scaling_complaint(value: float) -> str | None:
    """Return what is wrong with a factor on data, None if there is nothing."""
    return None if value else "makes all values the same; it must be another number"
