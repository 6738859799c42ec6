"""Values of more axes than a blob has, as between the steps of a channel shuffle.

Such a value is a blob of which it is known what each part of its axes means: the data is cut into
factors, and reshapes and transposes only say anew which factors make up which axis. Layers move
the data once, when it fits a blob again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from converter.lower.blob import SIZE, Blob
from converter.trace.program import Shape

Order = tuple[int, ...]
"""Factors by number, the slowest first."""


@dataclass(frozen=True)
class Factored:
    """`blob`, on which nothing waits, in factors of `sizes`.

    `memory` is their order in the blob's data, `axes` are the factors of each axis of the value.
    """

    blob: Blob
    sizes: tuple[int, ...]
    memory: Order
    axes: tuple[Order, ...]

    @property
    def shape(self) -> Shape:
        """The shape of the MIL value that this stands for."""
        return tuple(math.prod(self.sizes[f] for f in axis) for axis in self.axes)

    def transposed(self, order: Sequence[int]) -> Factored:
        """Return the value whose axis i is axis ``order[i]`` of this one."""
        return replace(self, axes=tuple(self.axes[i] for i in order))

    def reshaped(self, shape: Shape) -> Factored | None:
        """Return the value with another `shape`; None if that cuts across the factors."""
        flat = [f for axis in self.axes for f in axis]
        ends = _ends([self.sizes[f] for f in flat])
        cuts = sorted({*ends, *_ends(shape)})
        if any(after % before for before, after in itertools.pairwise([1, *cuts])):
            return None
        parts = {f: [c for c in cuts if start < c <= end] for f, start, end in _spans(flat, ends)}
        numbers, sizes = itertools.count(), []
        named: dict[int, list[int]] = {}
        for f, start, _ in _spans(flat, ends):
            bounds = [start, *parts[f]]
            sizes += [after // before for before, after in itertools.pairwise(bounds)]
            named[f] = [next(numbers) for _ in parts[f]][::-1]
        # Numbers were given from the fastest factor on; orders have the slowest first.
        renamed = [part for f in flat for part in named[f]]
        steps = _spans(range(len(shape)), _ends(shape))
        where = dict(zip(renamed, _starts(renamed, sizes), strict=True))
        axes: list[Order] = [()] * len(shape)
        for axis, start, end in steps:
            axes[axis] = tuple(f for f in renamed if start <= where[f] < end)
        memory = tuple(part for f in self.memory for part in named[f])
        return Factored(self.blob, tuple(sizes), memory, tuple(axes))


def _ends(sizes: Sequence[int]) -> list[int]:
    """Return how many values each size spans together with all later ones, the last one first."""
    return list(itertools.accumulate(reversed(sizes), lambda a, b: a * b))


def _spans(names: Sequence[int], ends: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield name, start and end for each, from the last one on."""
    yield from zip(reversed(names), [1, *ends], ends, strict=False)


def _starts(order: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """Return over how many values each factor of `order` steps."""
    return [math.prod(sizes[f] for f in order[i + 1 :]) for i in range(len(order))]


def factored(blob: Blob) -> Factored:
    """Return `blob`, on which nothing waits, with each of its axes as one factor."""
    axes = tuple((SIZE[a],) if a in SIZE and blob.extent(a) > 1 else () for a in blob.axes)
    memory = tuple(i for i in range(3) if blob.chw[i] > 1)
    # Several values may come from it without a layer in between.
    return Factored(replace(blob, shared=True), blob.chw, memory, axes)
