"""Gradient descent with momentum, as it is written in different places.

Every form takes the gradient ``g``, what it remembers ``v`` (zeros at first), the number ``t`` of
the step from 1, the learning rate and the momentum ``m``. It returns what is added to the weights
``w``, and the new ``v``. The formulas are those of arrays and tensors alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Momentum: TypeAlias = Callable[[Any, Any, Any, float, float], tuple[Any, Any]]


def classic(g: Any, v: Any, t: Any, rate: float, m: float) -> tuple[Any, Any]:
    """`v ← m·v − rate·g`, `w ← w + v`."""
    v = m * v - rate * g
    return v, v


def rate_outside(g: Any, v: Any, t: Any, rate: float, m: float) -> tuple[Any, Any]:
    """`v ← m·v + g`, `w ← w − rate·v`: as classic while the rate does not change."""
    v = m * v + g
    return -rate * v, v


def nesterov(g: Any, v: Any, t: Any, rate: float, m: float) -> tuple[Any, Any]:
    """`v ← m·v − rate·g`, `w ← w + m·v − rate·g`, as Keras with `nesterov`."""
    v = m * v - rate * g
    return m * v - rate * g, v


def dampened(g: Any, v: Any, t: Any, rate: float, m: float) -> tuple[Any, Any]:
    """`v ← m·v + (1 − m)·g`, `w ← w − rate·v`."""
    v = m * v + (1 - m) * g
    return -rate * v, v


def first_undamped(g: Any, v: Any, t: Any, rate: float, m: float) -> tuple[Any, Any]:
    """As dampened, but v begins with the first gradient itself, as PyTorch with `dampening`."""
    is_first = 0.0 ** (t - 1.0)  # 1 in step 1, then 0
    v = m * v + (1 - m * (1 - is_first)) * g
    return -rate * v, v


def ignored(g: Any, v: Any, t: Any, rate: float, m: float) -> tuple[Any, Any]:
    """`w ← w − rate·g`, whatever the momentum."""
    return -rate * g, v


MOMENTA: dict[str, Momentum] = {
    "classic": classic,
    "rate_outside": rate_outside,
    "nesterov": nesterov,
    "dampened": dampened,
    "first_undamped": first_undamped,
    "ignored": ignored,
}
