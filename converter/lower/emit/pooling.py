"""Pooling over windows and over whole axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converter.lower.blob import Affine, Blob
from converter.lower.net import Net
from converter.trace.program import Op


def max_pool(op: Op, net: Net) -> Blob:
    """MaxPooling1D, MaxPooling2D -> ``pooling`` MAX."""
    return _pool(op, net, "MAX")


def avg_pool(op: Op, net: Net) -> Blob:
    """AveragePooling1D, AveragePooling2D -> ``pooling`` AVERAGE."""
    return _pool(op, net, "AVERAGE")


PADDING = {"valid": "VALID", "same": "SAME"}
"""MIL's words for those of TensorFlow and Core ML. In TensorFlow no mean counts what is padded."""


def _pool(op: Op, net: Net, kind: str) -> Blob:
    padding = PADDING.get(op.const("pad_type"))
    counts_more = op.const("ceil_mode", False) or not op.const("exclude_padding_from_average", True)
    if padding is None or counts_more or len(op.ref("x").shape) != 4:
        net.refuse(op, "pools in a way that TensorFlow does not")
    blob = net.with_axes(op, net.pending(op.ref("x")), "NCHW")
    blob, waiting = _let_pass(op, net, blob, kind)
    height, width = op.const("kernel_sizes")
    steps = op.const("strides", [1, 1])
    pooled = net.made(
        op, "pooling", blob, net.builder.add_pooling, height=height, width=width,
        stride_height=steps[0], stride_width=steps[1], layer_type=kind,
        padding_type=padding, exclude_pad_area=True,
    )  # fmt: skip
    _, channels, height, width = op.output.shape
    return Blob(pooled.name, "NCHW", (channels, height, width), waiting)


def _let_pass(op: Op, net: Net, blob: Blob, kind: str) -> tuple[Blob, Affine | None]:
    """Return `blob` to pool and the affine that may as well be applied after it.

    Averages commute with any scale and shift, maxima with positive scales.
    """
    affine = blob.affine
    if affine and not blob.border and (kind == "AVERAGE" or np.all(affine.scale > 0)):
        return replace(blob, affine=None), affine
    return net.settled(op, blob), None


def reduce_mean(op: Op, net: Net) -> Blob:
    """GlobalAveragePooling -> ``pooling``; a mean over other axes -> ``reduce``."""
    return _reduce(op, net, "avg", "AVERAGE")


def reduce_max(op: Op, net: Net) -> Blob:
    """GlobalMaxPooling -> ``pooling``; a maximum over other axes -> ``reduce``."""
    return _reduce(op, net, "max", "MAX")


def reduce_min(op: Op, net: Net) -> Blob:
    """A minimum over axes -> ``reduce``."""
    return _reduce(op, net, "min", None)


def reduce_sum(op: Op, net: Net) -> Blob:
    """A sum over axes -> ``reduce``."""
    return _reduce(op, net, "sum", None)


def reduce_log_sum_exp(op: Op, net: Net) -> Blob:
    """log(sum(exp(x))) over axes, as in log-softmax."""
    add = net.builder.add_unary
    powers = net.made(op, "exp", net.plain(op, op.ref("x")), add, mode="exp")
    return net.made(op, "log", _over_axes(op, net, powers, "sum", None), add, mode="log")


def _reduce(op: Op, net: Net, mode: str, pooling: str | None) -> Blob:
    blob = net.pending(op.ref("x"))
    if pooling == "AVERAGE" and blob.affine and not blob.border and not _over_channels(op, blob):
        reduced = _over_axes(op, net, replace(blob, affine=None), mode, pooling)
        return replace(reduced, affine=blob.affine)
    return _over_axes(op, net, net.settled(op, blob), mode, pooling)


def _letters(op: Op, blob: Blob) -> str:
    rank = len(blob.axes)
    axes = op.const("axes", list(range(rank)))
    return "".join(blob.axes[axis] for axis in sorted(axis % rank for axis in axes))


def _over_channels(op: Op, blob: Blob) -> bool:
    return "C" in _letters(op, blob)


def _over_axes(op: Op, net: Net, blob: Blob, mode: str, pooling: str | None) -> Blob:
    """Reduce the axes that the operation names, with as few layers as possible."""
    dropped = _letters(op, blob)
    real = "".join(letter for letter in "CHW" if letter in dropped and blob.extent(letter) > 1)
    spatial = {letter for letter in "HW" if blob.extent(letter) > 1}
    if pooling and "C" not in real and spatial <= set(real):
        blob = _global_pooling(op, net, blob, pooling)
    else:
        for axes in (real,) if real in ("CHW", "HW", "C", "H", "W") else tuple(real):
            blob = _reduce_layer(op, net, blob, mode, axes)
    axes = "".join("1" if a in dropped and a in "CHW" else a for a in blob.axes)
    if op.const("keep_dims", False):
        return replace(blob, axes=axes)
    rank = len(axes)
    gone = {axis % rank for axis in op.const("axes", list(range(rank)))}
    return replace(blob, axes="".join(a for i, a in enumerate(axes) if i not in gone))


def _global_pooling(op: Op, net: Net, blob: Blob, kind: str) -> Blob:
    pooled = net.made(
        op, "pooling", blob, net.builder.add_pooling, height=1, width=1, stride_height=1,
        stride_width=1, layer_type=kind, padding_type="VALID", is_global=True,
    )  # fmt: skip
    return replace(pooled, chw=(blob.channels, 1, 1))


def _reduce_layer(op: Op, net: Net, blob: Blob, mode: str, axes: str) -> Blob:
    reduced = net.made(op, "reduce", blob, net.builder.add_reduce, axis=axes, mode=mode)
    chw = tuple(1 if letter in axes else n for letter, n in zip("CHW", blob.chw, strict=True))
    return replace(reduced, chw=chw)  # type: ignore[arg-type]
