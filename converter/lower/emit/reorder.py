"""Picking values along an axis: RGB to BGR, channels in another order, flips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from converter.lower.blob import Blob, Order
from converter.lower.net import Net
from converter.trace.program import Op


def gather(op: Op, net: Net) -> Blob:
    """Flips, RGB to BGR, channels in another order: goes into the next layer, else ``concat``."""
    if net.values.is_constant(op.inputs["x"]) or not net.values.is_constant(op.inputs["indices"]):
        net.refuse(op, "picks by a computed index, for which Core ML has no classic layer")
    indices = net.values.array(op.inputs["indices"])
    if indices.ndim > 1 or op.const("batch_dims", 0):
        net.refuse(op, "picks by several indices at once, for which Core ML has no classic layer")
    blob = net.pending(op.ref("x"), in_any_order=True)
    axis = op.const("axis", 0) % len(blob.axes)
    if axis == 0:
        net.refuse(op, "picks along the batch, which is one sample at a time")
    picked = pick(op, net, blob, axis, indices.reshape(-1).tolist())
    if indices.ndim == 0:
        picked = replace(picked, axes=picked.axes[:axis] + picked.axes[axis + 1 :])
    return picked


def reverse(op: Op, net: Net) -> Blob:
    """A flip of several axes at once, each as ``gather``."""
    blob = net.pending(op.ref("x"), in_any_order=True)
    axes = op.const("axes")
    for axis in range(len(blob.axes)) if axes is None else axes:
        if blob.shape[axis] > 1:
            blob = pick(op, net, blob, axis, range(blob.shape[axis])[::-1])
    return blob


def pick(op: Op, net: Net, blob: Blob, axis: int, indices: Sequence[int]) -> Blob:
    """Return the values at `indices` along MIL axis `axis`, which becomes the channels'.

    They are still to be reordered, unless there is one only.
    """
    size = blob.shape[axis]
    if blob.axes[axis] != "C":
        blob = net.reordered(blob)
        blob = net.with_axes(op, blob, blob.letters_with_channels_at(axis))
    before = blob.order.channels if blob.order else range(blob.channels)
    channels = tuple(before[i % size] for i in indices)
    trained = net.values.is_trained(op.ref("x"))
    blob = replace(blob, order=Order(channels, trained, op.layer))
    return blob if len(channels) > 1 else net.reordered(blob)
