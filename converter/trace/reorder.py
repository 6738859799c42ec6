"""Recognise in the traced program every spelling of "the same values in another order".

``x[..., ::-1]``, ``flip``, and pieces of one value that are stacked or joined again, as
``keras.applications.*.preprocess_input`` turns RGB to BGR, all become one ``gather``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from converter.trace.matching import Producers
from converter.trace.program import Op, Operand, Ref
from converter.trace.slices import slices


def gathered(op: Op, producers: Producers) -> Op | None:
    """Return `op` as a ``gather`` along one axis of the value that all of its parts come from.

    Given one of::

        z = reverse(x, axes=[3])
        z = slice_by_index(x, stride=[1, 1, 1, -1])     # all of the axis
        z = stack([x[..., 2], x[..., 1], x[..., 0]])
        z = concat([x[..., 2:], x[..., 1:2], x[..., :1]]), z = concat(split(x)[::-1])

    Result::

        z = gather(x, [2, 1, 0], axis=3)
    """
    found = _whole(op, producers)
    if found is None or found.indices == tuple(range(found.source.shape[found.axis])):
        return None
    inputs: dict[str, Operand] = {
        "x": found.source,
        "indices": np.asarray(found.indices),
        "axis": np.asarray(found.axis),
    }
    return replace(op, kind="gather", inputs=inputs)


@dataclass(frozen=True)
class _Piece:
    """The `indices` along `axis` of the value `source`; the axis is gone if `is_squeezed`."""

    source: Ref
    axis: int
    indices: tuple[int, ...]
    is_squeezed: bool = False


def _whole(op: Op, producers: Producers) -> _Piece | None:
    match op.kind:
        case "reverse" | "slice_by_index":
            piece = _piece(op.output, producers, {op.output.name: op})
            turned = piece and not piece.is_squeezed and _steps_back(piece.indices)
            return piece if turned else None
        case "stack" | "concat":
            axis = op.const("axis") % len(op.output.shape)
            return _joined(op.inputs["values"], axis, op.kind == "stack", producers)
    return None


def _steps_back(indices: Sequence[int]) -> bool:
    return len(indices) > 1 and indices[1] < indices[0]


def _joined(values: Operand, axis: int, stacked: bool, producers: Producers) -> _Piece | None:
    """Return the pieces `values` as one, None unless all come from one value along `axis`."""
    assert isinstance(values, tuple)
    pieces = [_piece(v, producers) if isinstance(v, Ref) else None for v in values]
    known = [piece for piece in pieces if piece is not None]
    if len(known) < len(pieces) or len(known) < 2:
        return None
    source = known[0].source
    if any((p.source, p.axis, p.is_squeezed) != (source, axis, stacked) for p in known):
        return None
    return _Piece(source, axis, tuple(i for piece in known for i in piece.indices))


def _piece(value: Ref, producers: Producers, extra: Producers | None = None) -> _Piece | None:
    """Return what part of another value `value` is, None if it is none."""
    op = (extra or {}).get(value.name) or producers.get(value.name)
    if op is None:
        return None
    match op.kind:
        case "slice_by_index":
            return _slice(op)
        case "reverse" if len(op.const("axes") or ()) == 1:
            axis = op.const("axes")[0] % len(value.shape)
            return _Piece(op.ref("x"), axis, tuple(range(value.shape[axis]))[::-1])
        case "split":
            return _split(op, value)
        case "gather" if np.ndim(op.const("indices")) == 1:
            axis = op.const("axis", 0) % len(op.ref("x").shape)
            size = op.ref("x").shape[axis]
            return _Piece(op.ref("x"), axis, tuple(i % size for i in op.const("indices")))
        case "reshape" | "squeeze" | "expand_dims":
            return _relabelled(op, producers)
    return None


def _slice(op: Op) -> _Piece | None:
    """Return a ``slice_by_index`` that cuts one axis only."""
    shape = op.ref("x").shape
    cuts = [
        (axis, part) for axis, part in enumerate(slices(op))
        if isinstance(part, int) or tuple(range(shape[axis])[part]) != tuple(range(shape[axis]))
    ]  # fmt: skip
    if len(cuts) != 1:
        return None
    axis, part = cuts[0]
    if isinstance(part, int):
        return _Piece(op.ref("x"), axis, (part % shape[axis],), is_squeezed=True)
    return _Piece(op.ref("x"), axis, tuple(range(shape[axis])[part]))


def _split(op: Op, value: Ref) -> _Piece:
    axis = op.const("axis") % len(value.shape)
    start = 0
    for ref in op.outputs:
        if ref == value:
            break
        start += ref.shape[axis]
    return _Piece(op.ref("x"), axis, tuple(range(start, start + value.shape[axis])))


def _relabelled(op: Op, producers: Producers) -> _Piece | None:
    """Return a piece of one index, its axis dropped or put back."""
    x = op.inputs["x"]
    piece = _piece(x, producers) if isinstance(x, Ref) else None
    if piece is None or len(piece.indices) != 1:
        return None
    shape = list(piece.source.shape)
    without = (*shape[: piece.axis], *shape[piece.axis + 1 :])
    with_one = (*shape[: piece.axis], 1, *shape[piece.axis + 1 :])
    if op.output.shape in (without, with_one):
        return replace(piece, is_squeezed=op.output.shape == without)
    return None
