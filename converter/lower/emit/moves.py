"""The layers that move the data of a value in factors, so that it fits a blob again."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from converter.lower.blob import Blob
from converter.lower.factored import Factored, Order
from converter.lower.net import Net
from converter.trace.program import AXES, Op


def flattened(op: Op, net: Net, value: Factored) -> Factored:
    """Return `value` as one axis, its data moved into that axis's order."""
    flat = tuple(f for axis in value.axes for f in axis)
    blob = _moved(op, net, value, flat)
    return Factored(blob, (math.prod(value.shape),), (0,), ((0,),))


def settled(op: Op, net: Net, value: Factored) -> Blob | Factored:
    """Return `value` as a blob if its axes fit one, its data moved by as few layers as can be."""
    if len(value.axes) not in AXES or value.axes[0]:
        return value
    usual = AXES[len(value.axes)]
    if len(value.memory) > MOST:
        net.refuse(op, f"takes data apart into {len(value.memory)} parts, more than {MOST}")
    plans = []
    for letters in itertools.permutations(usual[1:]):
        axes = f"N{''.join(letters)}"
        wanted = tuple(f for a in "CHW" if a in axes for f in value.axes[axes.index(a)])
        plans.append((len(_moves(value, wanted)), axes != usual, axes, wanted))
    _, _, axes, wanted = min(plans)
    blob = _moved(op, net, value, wanted)
    sizes = dict(zip(axes, value.shape, strict=True))
    chw = (sizes.get("C", 1), sizes.get("H", 1), sizes.get("W", 1))
    return replace(reshaped(op, net, blob, chw), axes=axes)


def _moved(op: Op, net: Net, value: Factored, wanted: Order) -> Blob:
    """Return the blob of `value` with its data in the order `wanted`."""
    blob = value.blob
    for thirds, turn in _moves(value, wanted):
        blob = _turned(op, net, blob, [_size(value, third) for third in thirds], turn)
    return blob


def _size(value: Factored, factors: Order) -> int:
    return math.prod(value.sizes[f] for f in factors)


Move = tuple[tuple[Order, Order, Order], tuple[int, ...]]
"""The data cut into three runs of factors, and the order that these come in afterwards."""

MOST = 6
"""Factors; the search for the shortest way looks at all their orders."""


def _moves(value: Factored, wanted: Order) -> list[Move]:
    """Return the shortest way from the order in memory to `wanted`, by permutes of three runs."""
    before: dict[Order, tuple[Order, Move] | None] = {value.memory: None}
    queue = deque([value.memory])
    while wanted not in before:  # all orders can be reached
        order = queue.popleft()
        for i, j in itertools.combinations(range(len(order) + 1), 2):
            thirds = (order[:i], order[i:j], order[j:])
            for turn in itertools.permutations(range(3)):
                moved = tuple(f for k in turn for f in thirds[k])
                if moved not in before:
                    before[moved] = (order, (thirds, turn))
                    queue.append(moved)
    moves, step = [], before[wanted]
    while step is not None:
        moves.append(step[1])
        step = before[step[0]]
    return moves[::-1]


def _turned(op: Op, net: Net, blob: Blob, sizes: Sequence[int], turn: Sequence[int]) -> Blob:
    first, second, third = sizes
    cut = reshaped(op, net, blob, (first, second, third))
    order = [0, *(1 + i for i in turn)]
    moved = net.made(op, "permute", cut, net.builder.add_permute, dim=order)
    channels, height, width = (sizes[i] for i in turn)
    return replace(moved, chw=(channels, height, width))


def reshaped(op: Op, net: Net, blob: Blob, chw: tuple[int, int, int]) -> Blob:
    """Return the data of `blob`, on which nothing waits, as it lies, with the sizes `chw`."""
    if blob.chw == chw:
        return blob
    made = net.made(op, "reshape", blob, net.builder.add_reshape, target_shape=chw, mode=0)
    return replace(made, chw=chw)
