"""Adam, as it is written in different places.

All forms keep ``m ← β₁·m + (1 − β₁)·g`` and ``v ← β₂·v + (1 − β₂)·g²`` and move the weights by
``−rate`` times what a form returns. ``t`` is the number of the step from 1. The formulas are those
of arrays and tensors alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Adam: TypeAlias = Callable[[Any, Any, Any, float, float, float], Any]


def uncorrected_root(m: Any, v: Any, t: Any, b1: float, b2: float, e: float) -> Any:
    """`√(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)`: the "ε̂" of Kingma and Ba 2015, section 2."""
    return (1 - b2**t) ** 0.5 / (1 - b1**t) * m / (v**0.5 + e)


def corrected_root(m: Any, v: Any, t: Any, b1: float, b2: float, e: float) -> Any:
    """`m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)`: Kingma and Ba 2015, algorithm 1."""
    return m / (1 - b1**t) / ((v / (1 - b2**t)) ** 0.5 + e)


def inside_corrected_root(m: Any, v: Any, t: Any, b1: float, b2: float, e: float) -> Any:
    """`m/(1 − β₁ᵗ) / √(v/(1 − β₂ᵗ) + ε)`."""
    return m / (1 - b1**t) / (v / (1 - b2**t) + e) ** 0.5


def inside_uncorrected_root(m: Any, v: Any, t: Any, b1: float, b2: float, e: float) -> Any:
    """`√(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / √(v + ε)`."""
    return (1 - b2**t) ** 0.5 / (1 - b1**t) * m / (v + e) ** 0.5


def no_correction(m: Any, v: Any, t: Any, b1: float, b2: float, e: float) -> Any:
    """`m / (√v + ε)`."""
    return m / (v**0.5 + e)


def no_correction_inside_root(m: Any, v: Any, t: Any, b1: float, b2: float, e: float) -> Any:
    """`m / √(v + ε)`."""
    return m / (v + e) ** 0.5


def step_per_epoch(m: Any, v: Any, t: Any, b1: float, b2: float, e: float) -> Any:
    """As uncorrected_root, but t is the number of the epoch."""
    return uncorrected_root(m, v, t, b1, b2, e)


ADAMS: dict[str, Adam] = {
    "uncorrected_root": uncorrected_root,
    "corrected_root": corrected_root,
    "inside_corrected_root": inside_corrected_root,
    "inside_uncorrected_root": inside_uncorrected_root,
    "no_correction": no_correction,
    "no_correction_inside_root": no_correction_inside_root,
    "step_per_epoch": step_per_epoch,
}

COUNT_EPOCHS = frozenset({"step_per_epoch"})
"""Forms whose ``t`` counts epochs instead of steps."""
