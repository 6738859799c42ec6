"""Compares what a page shows of a command's output with what the command prints."""

from __future__ import annotations

import re
from itertools import zip_longest

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")

OF_THE_MACHINE = re.compile(
    r"\b[\d.]+ s\b|\b\d+\.\d+\.\d+\b|\x1b\[[0-9;?]*[A-Za-z]|(?<=[─═━])[─═━]+"
)
"""Durations, versions, colours, and how long the lines of a table are."""


def missing(shown: str, printed: str) -> str | None:
    """Return the first line of `shown` that is not printed, None if all are, in their order.

    A page may leave lines out, and says so with ``…``. Computed figures may differ a little.
    """
    lines = iter(printed.splitlines())
    for line in shown.splitlines():
        if line.strip() in ("", "…"):
            continue
        if not any(alike(line, other) for other in lines):
            return line
    return None


def alike(one: str, other: str) -> bool:
    """Tell whether two lines say the same."""
    ours, theirs = (" ".join(OF_THE_MACHINE.sub("", line).split()) for line in (one, other))
    if NUMBER.sub("#", ours) != NUMBER.sub("#", theirs):
        return False
    pairs = zip_longest(NUMBER.findall(ours), NUMBER.findall(theirs), fillvalue="")
    return all(_near(first, second) for first, second in pairs)


def _near(one: str, other: str) -> bool:
    """Tell whether two numbers are the same: whole ones exactly, computed ones nearly."""
    if one == other:
        return True
    if "." not in one + other and "e" not in one + other:
        return False
    first, second = float(one), float(other)
    room = 1e-5 if "e" in one + other else 0.05
    return abs(first - second) <= max(room, 0.1 * max(abs(first), abs(second)))
