"""Where the windows of convolution and pooling lie: borders around an image, in pixels.

The formulas are those of ``ValidPadding``, ``SamePadding`` and ``ValidCompletePadding`` in Core
ML's ``NeuralNetwork.proto``. A *pair* is ``(height, width)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeAlias

from converter.coreml.mlmodel import Message
from converter.runtime.backend import Tensor, tf

Pair: TypeAlias = tuple[int, int]
Borders: TypeAlias = tuple[Pair, Pair]
"""``((top, bottom), (left, right))``."""

LARGEST_IMAGE = 2**28
"""Pixels."""

NO_BORDERS: Borders = ((0, 0), (0, 0))


def refuse_absurd(*size: int) -> None:
    """Raise a ValueError if an image of `size`, height and width, cannot fit in memory.

    What a layer makes is checked before it runs; this is for what it makes on the way there.
    """
    if math.prod(size) > LARGEST_IMAGE:
        raise ValueError(f"an image of {' × '.join(map(str, size))} pixels comes up on the way")


def pair(values: Iterable[int], default: int) -> Pair:
    """Return a repeated field of length two as a pair; the format's `default` if it is empty."""
    sizes = tuple(int(value) for value in values) or (default, default)
    if len(sizes) != 2:
        raise ValueError(f"{len(sizes)} sizes where height and width are needed")
    return sizes[0], sizes[1]


def parts(x: Tensor, count: int) -> list[Tensor]:
    """Cut `x` into `count` equal parts along its last axis."""
    if count < 1 or x.shape[-1] % count:
        raise ValueError(f"{x.shape[-1]} channels cannot be divided into {count} parts")
    return list(tf.split(x, count, axis=-1))


def image_size(x: Tensor) -> Pair:
    """Return height and width of the blob `x`, ``[N, H, W, C]``."""
    return int(x.shape[1]), int(x.shape[2])


def border_amounts(amounts: Message) -> Borders:
    """Return ``BorderAmounts`` as borders; none if the field is not set."""
    if not amounts.borderAmounts:
        return NO_BORDERS
    if len(amounts.borderAmounts) != 2:
        raise ValueError(f"{len(amounts.borderAmounts)} borders where two are needed")
    (top, bottom), (left, right) = (
        (int(edges.startEdgeSize), int(edges.endEdgeSize)) for edges in amounts.borderAmounts
    )
    return (top, bottom), (left, right)


def share(total: int, same: Message) -> Pair:
    """Divide `total` pixels between start and end as the asymmetry mode of ``SamePadding`` says."""
    smaller = total // 2
    if same.asymmetryMode == same.TOP_LEFT_HEAVY:
        return total - smaller, smaller
    return smaller, total - smaller


def same_borders(same: Message, size: Pair, kernel: Pair, stride: Pair) -> Borders:
    """Return the borders with which the output has ``ceil(size / stride)`` pixels."""
    height, width = (
        share(max(0, (-(-n // s) - 1) * s + k - n), same)
        for n, k, s in zip(size, kernel, stride, strict=True)
    )
    return height, width


def pad(x: Tensor, borders: Borders, value: float = 0.0) -> Tensor:
    """Surround the blob `x`, ``[N, H, W, C]``, with pixels of one value."""
    if borders == NO_BORDERS:
        return x
    refuse_absurd(*(n + sum(ends) for n, ends in zip(image_size(x), borders, strict=True)))
    return tf.pad(x, [(0, 0), *borders, (0, 0)], constant_values=value)
