"""What the shape functions of all kinds of layer share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from converter.coreml.mlmodel import Message

Size: TypeAlias = "int | None"
Shape: TypeAlias = tuple[Size, ...]
Shapes: TypeAlias = list["Shape | None"]

LARGEST_SIZE = 2**63 - 1
"""Sizes above are absurd and taken for unknown, so that products of them stay small numbers."""


@dataclass(frozen=True)
class Mismatch:
    """A layer that does not fit the shape of its input."""

    layer: str
    topic: str
    """``channels``, ``window``, ``elements`` or ``broadcast``."""
    message: str
    fix: str


@dataclass
class Context:
    """One layer while its outputs are worked out."""

    layer: Message
    params: Message
    mismatches: list[Mismatch]
    exact: bool

    def complain(self, topic: str, message: str, fix: str) -> None:
        """Record that the layer does not fit its input."""
        self.mismatches.append(Mismatch(self.layer.name, topic, message, fix))


ShapeRule: TypeAlias = Callable[[Context, Shapes], Shapes]
"""From a layer and the shapes of its inputs to the shapes of its outputs."""


def bounded(shape: Shape | None) -> Shape | None:
    """Return `shape` with absurd sizes replaced by None."""
    if shape is None:
        return None
    return tuple(s if s is None or 0 <= s <= LARGEST_SIZE else None for s in shape)


def volume(shape: Iterable[Size]) -> Size:
    """Return the number of elements, None if a size is unknown."""
    result = 1
    for size in shape:
        if size is None:
            return None
        result *= size
    return result


def chw(shape: Shape | None) -> tuple[Shape, Size, Size, Size]:
    """Split `shape` into the batch axes and (C, H, W); unknown sizes if the rank is unknown."""
    if shape is None or len(shape) < 3:
        return (), None, None, None
    channels, height, width = shape[-3:]
    return shape[:-3], channels, height, width


def describe(shape: Shape | None) -> str:
    """Return `shape` as text, such as ``16×5×5``; ``?`` stands for an unknown size."""
    if shape is None:
        return "?"
    return "×".join("?" if size is None else str(size) for size in shape) or "scalar"


def mapped(size: Size, function: Callable[[int], int]) -> Size:
    """Apply `function` to a size unless it is unknown."""
    return None if size is None else function(size)


def broadcast(context: Context, shapes: Shapes) -> Shape | None:
    """Return the common shape after broadcasting, aligned at the last axis."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) != len(shapes) or not known:
        return None
    rank = max(map(len, known))
    padded = [(1,) * (rank - len(shape)) + shape for shape in known]
    result: list[Size] = []
    for sizes in zip(*padded, strict=True):
        larger = {size for size in sizes if size not in (1, None)}
        if len(larger) > 1:
            given = " and ".join(describe(shape) for shape in known[:3])
            context.complain(
                "broadcast",
                f"cannot combine blobs of shape {given}",
                "make the sizes equal, or 1 where one blob is to be repeated",
            )
            return None
        result.append(larger.pop() if larger else (None if None in sizes else 1))
    return tuple(result)


FIT_CHANNELS = "give the layer the number of channels that arrives, or repair the layer before it"


def expect_channels(context: Context, shape: Shape | None, expected: int) -> None:
    """Complain if `shape` has another number of channels than `expected`."""
    channels = chw(shape)[1]
    if channels is not None and channels != expected:
        context.complain(
            "channels", f"expects {expected} channels, its input has shape {describe(shape)}",
            FIT_CHANNELS,
        )  # fmt: skip
