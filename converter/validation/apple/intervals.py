"""Intervals of sizes, in the arithmetic of Apple's shape inference.

A bound is a natural number of 64 bits or None, which means that there is no bound. Subtraction
stops at 0, sums and products wrap around. What leaves an interval empty raises `Empty`.

Source: ``mlmodel/src/LayerShapeConstraints.cpp`` of apple/coremltools.
"""

from __future__ import annotations

from typing import TypeAlias

from converter.validation.apple.weights import u64

Bound: TypeAlias = "int | None"
Interval: TypeAlias = tuple[Bound, Bound]

ANY: Interval = (0, None)
S, B, C, H, W = range(5)
"""The axes of a blob: sequence, batch, channel, height, width."""


class Empty(Exception):  # noqa: N818 (an outcome of the inference, not a fault of the program)
    """No size fits all demands on an axis."""


def shift(bound: Bound, by: int) -> Bound:
    """Return ``bound + by``, not less than 0."""
    if bound is None:
        return None
    return u64(bound + by) if by >= 0 else max(bound + by, 0)


def scale(bound: Bound, by: Bound) -> Bound:
    """Return ``bound * by``."""
    return None if bound is None or by is None else u64(bound * by)


def divide(bound: Bound, by: int) -> Bound:
    """Return ``bound / by`` rounded down."""
    if bound is None:
        return None
    if by == 0:
        raise Empty("a size divided by 0")
    return bound // by


def divide_up(bound: Bound, by: int) -> Bound:
    """Return ``bound / by`` rounded up."""
    if bound is None or by == 0:
        return None
    return (bound - 1) // by + 1 if bound else 0


def value(bound: Bound) -> int:
    """Return a bound that has to exist."""
    if bound is None:
        raise Empty("a size without bound is asked for its value")
    return bound


def interval(low: Bound, high: Bound) -> Interval:
    """Return the interval from `low` to `high`, both included."""
    if high is not None and (low is None or low > high):
        raise Empty(f"no size is at least {low} and at most {high}")
    return low, high


def plus(span: Interval, by: int) -> Interval:
    """Return `span` moved by a number."""
    return interval(shift(span[0], by), shift(span[1], by))


def add(left: Interval, right: Interval) -> Interval:
    """Return the sums of sizes in two intervals."""
    low, high = right
    return interval(
        None if low is None else shift(left[0], low),
        None if high is None else shift(left[1], high),
    )


def times(span: Interval, by: int) -> Interval:
    """Return `span` multiplied by a number."""
    return interval(scale(span[0], by), scale(span[1], by))


def multiply(left: Interval, right: Interval) -> Interval:
    """Return the products of sizes in two intervals."""
    return interval(scale(left[0], right[0]), scale(left[1], right[1]))


def over(span: Interval, by: int) -> Interval:
    """Return `span` divided by a number, rounded down."""
    return interval(divide(span[0], by), divide(span[1], by))


def over_positive(span: Interval, by: int) -> Interval:
    """Return `span` divided by a number that has to be positive."""
    if by <= 0:
        raise Empty(f"a size divided by {by}")
    return over(span, by)


def over_up(span: Interval, by: int) -> Interval:
    """Return `span` divided by a number, rounded up."""
    return interval(divide_up(span[0], by), divide_up(span[1], by))


def intersection(left: Interval, right: Interval) -> Interval:
    """Return the sizes that are in both intervals."""
    low = left[0] if right[0] is not None and _more(left[0], right[0]) else right[0]
    high = left[1] if right[1] is None or _less(left[1], right[1]) else right[1]
    both = interval(low, high)
    interval(value(left[0]), left[1])
    return both


def union(left: Interval, right: Interval) -> Interval:
    """Return the smallest interval that holds both."""
    low = left[0] if right[0] is None or not _more(left[0], right[0]) else right[0]
    high = left[1] if right[1] is not None and not _less(left[1], right[1]) else right[1]
    return interval(low, high)


def _more(left: Bound, right: int) -> bool:
    return left is None or left > right


def _less(left: Bound, right: int) -> bool:
    return left is not None and left < right


class Blob:
    """What is known of the five sizes of one blob; it can only become more exact."""

    __slots__ = ("axes",)
    changes = 0
    """How often any blob has become more exact: tells whether a pass has had an effect."""

    def __init__(self) -> None:
        self.axes: list[Interval] = [ANY] * 5

    def narrow(self, axis: int, span: Interval) -> None:
        """Demand that a size is in `span`."""
        old = self.axes[axis]
        if span != old or old[0] is None:
            new = intersection(old, span)
            if new != old:
                Blob.changes += 1
                self.axes[axis] = new

    def fix(self, axis: int, size: int) -> None:
        """Demand one size."""
        old = self.axes[axis]
        low, high = old
        if low is None or low > size or (high is not None and high < size):
            raise Empty(f"size {size} is not between {low} and {high}")
        if old != (size, size):
            Blob.changes += 1
            self.axes[axis] = size, size

    def at_least(self, axis: int, size: int) -> None:
        """Demand a smallest size."""
        self.narrow(axis, (size, None))

    def at_most(self, axis: int, size: Bound) -> None:
        """Demand a largest size, if it has a bound."""
        if size is not None:
            self.narrow(axis, (0, size))

    def fixed(self) -> bool:
        """Return whether channel, height and width each have one possible size.

        The smallest size is read even where there is none, as Apple's inference does.
        """
        return all(self._is_fixed(axis) for axis in (C, H, W))

    def _is_fixed(self, axis: int) -> bool:
        low, high = self.axes[axis]
        return high is not None and high == value(low)
