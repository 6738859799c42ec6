"""Questions that patterns ask of the operations around one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from converter.trace.program import Op, Operand, Ref

Producers = Mapping[str, Op]
"""Value -> the operation that makes it."""

Pattern = Callable[[Op, Producers], "Op | None"]
"""Returns the one operation that means the same as what ends in the given one, or None."""


def made_by(operand: Operand | None, kind: str, producers: Producers) -> Op | None:
    """Return the operation of `kind` that makes `operand`, or None."""
    op = producers.get(operand.name) if isinstance(operand, Ref) else None
    return op if op and op.kind == kind else None


def is_value(operand: Operand, value: Ref) -> bool:
    """Return whether `operand` is `value`; constants are arrays, which compare by element."""
    return isinstance(operand, Ref) and operand == value


def number_of(operand: Operand | None) -> float | None:
    """Return a constant of one element as a number, or None."""
    if operand is None or isinstance(operand, (Ref, str, tuple)) or np.size(operand) != 1:
        return None
    return float(np.reshape(operand, ()))


def number_and_value(op: Op) -> tuple[float | None, Ref | None]:
    """Return the number and the value of a binary operation, in whichever order they stand."""
    for number, value in (("x", "y"), ("y", "x")):
        other = op.inputs[value]
        if number_of(op.inputs[number]) is not None and isinstance(other, Ref):
            return number_of(op.inputs[number]), other
    return None, None


def negated(operand: Operand, producers: Producers) -> Ref | None:
    """Return what `operand` is the negative of, or None."""
    product = made_by(operand, "mul", producers)
    number, value = number_and_value(product) if product else (None, None)
    return value if number == -1 else None


def compared(op: Op, number: float, producers: Producers) -> Ref | None:
    """Return the value that the condition of a ``select`` compares with `number`, or None."""
    cond = made_by(op.inputs.get("cond"), "greater", producers)
    if cond is None or number_of(cond.inputs["y"]) != number:
        return None
    return cond.ref("x")
