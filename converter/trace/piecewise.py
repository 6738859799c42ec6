"""Choices by comparison with numbers, understood as functions that are straight in pieces.

``where(x > 0, x, 0.1 * x)`` and what is built like it: nested, of clipped values, with several
conditions. Core ML's classic layers compare nothing, but add up such functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from converter.trace.matching import Producers
from converter.trace.program import Op, Operand, Ref

Line = tuple[float, float]
"""Slope and intercept."""
Cut = tuple[float, int]
"""Where a new piece begins: at the number itself (0), or right after it (1)."""


@dataclass(frozen=True)
class Piecewise:
    """A function of one number: ``lines[0]`` up to ``cuts[0]``, ``lines[i]`` from ``cuts[i - 1]``.

    A condition is such a function, too: 1 where it holds, else 0.
    """

    cuts: tuple[Cut, ...]
    lines: tuple[Line, ...]

    def at(self, cut: Cut) -> Line:
        """Return the line that holds from `cut` on."""
        return self.lines[sum(own <= cut for own in self.cuts)]

    def is_level(self) -> bool:
        """Return whether each piece is constant."""
        return all(slope == 0 for slope, _ in self.lines)

    def crossing_zero(self) -> Piecewise:
        """Return the same function, with cuts on both sides of wherever a piece meets zero."""
        starts, ends = [(-np.inf, 0), *self.cuts], [*self.cuts, (np.inf, 0)]
        found = set(self.cuts)
        for (slope, shift), start, end in zip(self.lines, starts, ends, strict=True):
            zero = -shift / slope if slope else np.nan
            found |= {(zero, side) for side in (0, 1) if start < (zero, side) < end}
        return self.cut_at(sorted(found))

    def cut_at(self, cuts: list[Cut]) -> Piecewise:
        """Return the same function with the `cuts`, which include its own."""
        return Piecewise(tuple(cuts), (self.lines[0], *map(self.at, cuts)))

    def map(self, change: Callable[[Line, float], Line]) -> Piecewise:
        """Return each line changed; `change` gets its sign, too. No piece may cross zero."""
        lines = []
        for i, (slope, shift) in enumerate(self.lines):
            inside = _inside(self.cuts, i)
            value = slope * inside + shift
            on_zero = abs(value) <= 1e-12 * max(abs(shift), 1e-300)
            lines.append(change((slope, shift), 0.0 if on_zero else float(np.sign(value))))
        return Piecewise(self.cuts, tuple(lines))


def _inside(cuts: tuple[Cut, ...], index: int) -> float:
    """Return a number inside the piece number `index`."""
    low = cuts[index - 1][0] if index else -np.inf
    high = cuts[index][0] if index < len(cuts) else np.inf
    if np.isinf(low):
        return 0.0 if np.isinf(high) else high - 1
    return low + 1 if np.isinf(high) else (low + high) / 2


def _together(f: Piecewise, g: Piecewise, join: Callable[[Line, Line], Line]) -> Piecewise:
    cuts = sorted({*f.cuts, *g.cuts})
    pairs = zip(f.cut_at(cuts).lines, g.cut_at(cuts).lines, strict=True)
    return Piecewise(tuple(cuts), tuple(join(a, b) for a, b in pairs))


def _sum(f: Piecewise, g: Piecewise) -> Piecewise:
    return _together(f, g, lambda a, b: (a[0] + b[0], a[1] + b[1]))


def _product(f: Piecewise, g: Piecewise) -> Piecewise | None:
    if not g.is_level():
        f, g = g, f
    return _together(f, g, lambda a, b: (a[0] * b[1], a[1] * b[1])) if g.is_level() else None


def _negative(f: Piecewise) -> Piecewise:
    return Piecewise(f.cuts, tuple((-slope, -shift) for slope, shift in f.lines))


def _not(f: Piecewise) -> Piecewise:
    return _sum(_level(1.0), _negative(f))


def _level(number: float) -> Piecewise:
    return Piecewise((), ((0.0, number),))


def _holds(*signs: float) -> Callable[[Piecewise], Piecewise]:
    """Return what makes a function into the condition that it has one of the `signs`."""
    return lambda f: f.crossing_zero().map(lambda _, sign: (0.0, float(sign in signs)))


def _positive_part(f: Piecewise) -> Piecewise:
    return f.crossing_zero().map(lambda line, sign: line if sign > 0 else (0.0, 0.0))


def _larger(f: Piecewise, g: Piecewise) -> Piecewise:
    return _sum(g, _positive_part(_sum(f, _negative(g))))


def _smaller(f: Piecewise, g: Piecewise) -> Piecewise:
    return _negative(_larger(_negative(f), _negative(g)))


COMPARISONS = {
    "equal": _holds(0),
    "greater": _holds(1),
    "greater_equal": _holds(0, 1),
    "less": _holds(-1),
    "less_equal": _holds(-1, 0),
    "not_equal": _holds(-1, 1),
}
CONDITIONS = {*COMPARISONS, "logical_and", "logical_not", "logical_or"}
ONE: dict[str, Callable[[Piecewise], Piecewise]] = {
    "abs": lambda f: _larger(f, _negative(f)),
    "logical_not": _not,
    "relu": _positive_part,
    "relu6": lambda f: _smaller(_positive_part(f), _level(6.0)),
}
TWO: dict[str, Callable[[Piecewise, Piecewise], Piecewise | None]] = {
    "add": _sum,
    "sub": lambda f, g: _sum(f, _negative(g)),
    "mul": _product,
    "maximum": _larger,
    "minimum": _smaller,
    "logical_and": _product,
    "logical_or": lambda f, g: _larger(f, g),
}
"""MIL operation -> what it makes of functions that are straight in pieces."""


def _found(op: Op) -> Piecewise:
    cuts = zip(op.const("cuts"), map(int, op.const("sides")), strict=True)
    lines = zip(op.const("slopes"), op.const("shifts"), strict=True)
    return Piecewise(tuple(cuts), tuple(lines))


FOUND: dict[str, Callable[[Op], Piecewise]] = {
    "leaky_relu": lambda op: Piecewise(((0.0, 0),), ((op.const("alpha"), 0.0), (1.0, 0.0))),
    "piecewise_linear": _found,
    "thresholded_relu": lambda op: Piecewise(((op.const("alpha"), 1),), ((0.0, 0.0), (1.0, 0.0))),
}
"""Operation of one value that is known to be straight in pieces -> its function."""


def chosen_lines(op: Op, producers: Producers) -> Op | None:
    """A choice between straight lines of one value.

    Given, in any nesting, and with ``abs``, ``maximum``, ``relu`` and the like between::

        z = select(greater(x, 0), x, mul(x, 0.1))

    Result::

        z = piecewise_linear(x, cuts, sides, slopes, shifts)
    """
    if op.kind == "mul" and not any(_is_condition(v, producers) for v in op.inputs.values()):
        return None
    for root in _inner_values(op, producers):
        found = _function(op.output, root, {**producers, op.output.name: op})
        if found is not None and root.shape == op.output.shape:
            return _as_operation(op, root, found)
    return None


def _is_condition(operand: Operand, producers: Producers) -> bool:
    made = producers.get(operand.name) if isinstance(operand, Ref) else None
    return made is not None and made.kind in CONDITIONS


def _inner_values(op: Op, producers: Producers) -> Iterator[Ref]:
    """Yield the values that the choice is made of, the nearest first, each once."""
    todo, seen = [op], set()
    while todo:
        one = todo.pop(0)
        for ref in one.refs():
            maker = producers.get(ref.name)
            if ref in seen:
                continue
            seen.add(ref)
            if maker is None or maker.kind not in CONDITIONS:
                yield ref
            if maker and maker.kind in {*ONE, *TWO, *CONDITIONS, *FOUND, "select"}:
                todo.append(maker)


def _function(operand: Operand, root: Ref, producers: Producers) -> Piecewise | None:
    """Return `operand` as a function of `root`, None if that is not straight in pieces."""
    if isinstance(operand, (str, tuple)):
        return None
    if not isinstance(operand, Ref):
        values = np.unique(np.asarray(operand, np.float64))
        return _level(float(values[0])) if len(values) == 1 else None
    if operand == root:
        return Piecewise((), ((1.0, 0.0),))
    op = producers.get(operand.name)
    if op and op.kind in FOUND:
        return FOUND[op.kind](op) if op.inputs["x"] == root else None
    if op is None or op.kind not in {*ONE, *TWO, *COMPARISONS, "select"}:
        return None
    names = ("cond", "a", "b") if op.kind == "select" else ("x", "y")
    given = [_function(op.inputs[name], root, producers) for name in names if name in op.inputs]
    known = [f for f in given if f is not None]
    if len(known) < len(given):
        return None
    if op.kind == "select":
        condition, one, other = known
        left, right = _product(condition, one), _product(_not(condition), other)
        return _sum(left, right) if left and right else None
    if op.kind in COMPARISONS:
        return COMPARISONS[op.kind](_sum(known[0], _negative(known[1])))
    return ONE[op.kind](*known) if op.kind in ONE else TWO[op.kind](*known)


def _as_operation(op: Op, root: Ref, found: Piecewise) -> Op | None:
    """Return one operation for the function, None if it has a step: no classic layer makes one."""
    kept = [i for i in range(len(found.cuts)) if found.lines[i] != found.lines[i + 1]]
    lines = np.array([found.lines[0], *(found.lines[i + 1] for i in kept)], np.float64)
    cuts = np.array([found.cuts[i] for i in kept], np.float64).reshape(-1, 2)
    if len(cuts) == 0 or np.any(np.diff(lines[:, 0]) == 0):
        return None
    inputs: dict[str, Operand] = {"x": root, "cuts": cuts[:, 0], "sides": cuts[:, 1]}
    inputs |= {"slopes": lines[:, 0], "shifts": lines[:, 1]}
    return replace(op, kind="piecewise_linear", inputs=inputs)


def larger_or_smaller(op: Op, producers: Producers) -> Op | None:
    """The larger or the smaller of two values.

    Given::

        z = select(greater(x, y), x, y)

    Result::

        z = maximum(x, y)
    """
    cond = op.inputs["cond"]
    compared = producers.get(cond.name) if isinstance(cond, Ref) else None
    one, other = op.inputs["a"], op.inputs["b"]
    if compared is None or compared.kind not in LARGER or not isinstance(one, Ref):
        return None
    x, y = compared.inputs["x"], compared.inputs["y"]
    same, crossed = _same(x, one) and _same(y, other), _same(x, other) and _same(y, one)
    if not (same or crossed):
        return None
    kind = "maximum" if LARGER[compared.kind] == same else "minimum"
    return replace(op, kind=kind, inputs={"x": one, "y": other})


LARGER = {"greater": True, "greater_equal": True, "less": False, "less_equal": False}


def _same(one: Operand, other: Operand) -> bool:
    if isinstance(one, Ref) or isinstance(other, Ref):
        return isinstance(one, Ref) and isinstance(other, Ref) and one == other
    return np.array_equal(np.asarray(one), np.asarray(other))
