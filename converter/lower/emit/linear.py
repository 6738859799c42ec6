"""Convolution, transposed convolution and dense layers: all that has weights to train."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from converter.backend.builder import layer_named
from converter.lower.blob import Blob, Border, Order
from converter.lower.net import Net
from converter.lower.weighted import NO_WEIGHTS, Weighted
from converter.trace.program import Array, KerasLayer, Op, Operand

Reordering: TypeAlias = "tuple[Order, int] | None"
"""The order of a layer's inputs, and how many channels it picks them from."""


def conv(op: Op, net: Net) -> Blob:
    """Conv1D, Conv2D, DepthwiseConv2D, SeparableConv2D -> ``convolution``.

    Strides, dilation, groups, "same", "valid" and explicit zero padding; a signal is an image of
    height one. The kernel must be constant, the batch 1.
    """
    blob = _image(op, net)
    weights = net.values.array(op.inputs["weight"])
    same = op.const("pad_type") == "same"
    if same and blob.border:
        blob = net.settled(op, blob)
    border = _border(op, blob)
    groups = op.const("groups", 1)
    blob, order = _absorb_order(op, net, blob, groups)
    blob, waiting = _absorb(op, net, replace(blob, border=None), padded=same or border is not None)
    name = net.weighted_name(op, op.inputs["weight"])
    stride, dilation = op.const("strides", [1, 1]), op.const("dilations", [1, 1])
    (top, bottom), (left, right) = (
        (border.vertical, border.horizontal) if border else ((0, 0), (0, 0))
    )
    net.builder.add_convolution(
        name, blob.channels // groups, weights.shape[0], *weights.shape[2:], *stride,
        "same" if same else "valid", groups, NO_WEIGHTS.reshape(0, 1, 1, 1), None,
        False, input_name=blob.name, output_name=name, dilation_factors=dilation,
        padding_top=top, padding_bottom=bottom, padding_left=left, padding_right=right,
    )  # fmt: skip
    return _weighted(op, net, name, weights, waiting, _as_image(op), order)


def conv_transpose(op: Op, net: Net) -> Blob:
    """Conv2DTranspose -> ``convolution`` with ``isDeconvolution``. In the frozen part only."""
    blob = net.settled(op, _image(op, net))
    weights = net.values.array(op.inputs["weight"])
    if any(n != 1 for n in op.const("dilations", [1, 1])):
        net.refuse(op, "Core ML has no dilated transposed convolution")
    groups = op.const("groups", 1)
    name = net.weighted_name(op, op.inputs["weight"])
    _, _, height, width = op.output.shape
    net.builder.add_convolution(
        name, weights.shape[0], weights.shape[1] * groups, *weights.shape[2:],
        *op.const("strides", [1, 1]), op.const("pad_type"), groups,
        NO_WEIGHTS.reshape(0, 1, 1, 1), None, False, is_deconv=True, output_shape=(height, width),
        input_name=blob.name, output_name=name,
    )  # fmt: skip
    return _weighted(op, net, name, weights, None, _as_image(op))


def matmul(op: Op, net: Net) -> Blob:
    """Dense -> ``innerProduct``; over pixels, and Resizing (two products) -> 1x1 ``convolution``.

    The right-hand side must be a weight of rank two.
    """
    if not net.values.is_constant(op.inputs["y"]) or net.values.is_constant(op.inputs["x"]):
        net.refuse(op, "multiplies two computed matrices, for which Core ML has no classic layer")
    if op.const("transpose_x", False):
        net.refuse(op, "multiplies from the left, for which Core ML has no classic layer")
    weights = net.values.array(op.inputs["y"])
    weights = weights if op.const("transpose_y", False) else weights.swapaxes(-1, -2)
    blob = net.pending(op.ref("x"), in_any_order=True)
    if weights.ndim != 2:
        net.refuse(op, "multiplies by a stack of matrices, for which Core ML has no classic layer")
    # The product runs over channels, so the last axis must become the channels.
    blob = net.with_axes(op, blob, blob.letters_with_channels_at(-1))
    if len(blob.axes) == 2:
        return _inner_product(op, net, blob, weights)
    return _pointwise(op, net, blob, weights)


def _inner_product(op: Op, net: Net, blob: Blob, weights: Array) -> Blob:
    blob, order = _absorb_order(op, net, blob)
    blob, waiting = _absorb(op, net, blob, padded=False)
    name = net.weighted_name(op, op.inputs["y"])
    outputs, inputs = len(weights), blob.channels
    net.builder.add_inner_product(name, NO_WEIGHTS, None, inputs, outputs, False, blob.name, name)
    return _weighted(op, net, name, weights, waiting, Blob(name, "NC", (outputs, 1, 1)), order)


def _pointwise(op: Op, net: Net, blob: Blob, weights: Array) -> Blob:
    blob, order = _absorb_order(op, net, net.without_border(op, blob))
    blob, waiting = _absorb(op, net, blob, padded=False)
    name = net.weighted_name(op, op.inputs["y"])
    outputs, inputs = len(weights), blob.channels
    net.builder.add_convolution(
        name, inputs, outputs, 1, 1, 1, 1, "valid", 1, NO_WEIGHTS.reshape(0, 1, 1, 1), None, False,
        input_name=blob.name, output_name=name,
    )  # fmt: skip
    made = Blob(name, blob.axes, (outputs, *blob.chw[1:]))
    return _weighted(op, net, name, weights[:, :, None, None], waiting, made, order)


def _image(op: Op, net: Net) -> Blob:
    """Return the input with its MIL axes read as N, C, H, W."""
    if len(op.ref("x").shape) != 4 or op.ref("x").shape[0] != 1:
        net.refuse(op, "is not a convolution over one or two axes of a single image")
    if not net.values.is_constant(op.inputs["weight"]):
        net.refuse(op, "convolves with a computed kernel, for which Core ML has no classic layer")
    return net.with_axes(op, net.pending(op.ref("x"), in_any_order=True), "NCHW")


def _as_image(op: Op) -> Blob:
    _, channels, height, width = op.output.shape
    return Blob("", "NCHW", (channels, height, width))


def _border(op: Op, blob: Blob) -> Border | None:
    """Return the zeros that the operation itself and a padding before it ask for."""
    top, bottom, left, right = op.const("pad", [0, 0, 0, 0])
    if op.const("pad_type") != "custom":
        top = bottom = left = right = 0
    if blob.border is None and not any((top, bottom, left, right)):
        return None
    waiting = blob.border or Border((0, 0), (0, 0))
    (above, below), (before, after) = waiting.vertical, waiting.horizontal
    return Border((top + above, bottom + below), (left + before, right + after), waiting.origin)


def _absorb_order(op: Op, net: Net, blob: Blob, groups: int = 1) -> tuple[Blob, Reordering]:
    """Return `blob` in its own order, and the order if this layer's weights can take it.

    A layer that learns does not: its weights would no longer be in Keras's order.
    """
    if blob.order is None:
        return blob, None
    if groups != 1 or _owner(op, net) in net.updatable:
        return net.reordered(blob), None
    return replace(blob, order=None), (blob.order, blob.channels)


def _absorb(op: Op, net: Net, blob: Blob, padded: bool) -> tuple[Blob, Any]:
    """Return `blob` without its affine, and the affine if this layer's weights can take it.

    Zeros around the image must stay zeros, so a shift is not absorbed there. A layer that learns
    takes it only if something before it learns too: below that, a frozen layer leaves its
    training as Keras has it.
    """
    if blob.affine is None:
        return blob, None
    learns_first = _owner(op, net) in net.updatable and not net.values.is_trained(op.ref("x"))
    if learns_first or (padded and np.any(blob.affine.shift != 0)):
        return net.without_affine(op, blob), None
    return replace(blob, affine=None), blob.affine


def _kernel(op: Op) -> Operand:
    return op.inputs.get("weight", op.inputs.get("y", ""))


def _owner(op: Op, net: Net) -> KerasLayer | None:
    weight = net.values.weight(_kernel(op))
    return weight.owner if weight else op.layer


def _weighted(
    op: Op, net: Net, name: str, weights: Array, waiting: Any, made: Blob,
    reordering: Reordering = None,
) -> Blob:  # fmt: skip
    keras = _owner(op, net) or KerasLayer(name, op.kind)
    layer = layer_named(net.builder, name)
    params = getattr(layer, layer.WhichOneof("layer"))
    is_changed = not net.values.is_stored(_kernel(op))
    net.weighted[name] = Weighted(name, params, weights, keras, is_changed=is_changed)
    if reordering is not None:
        order, channels = reordering
        net.weighted[name].reorder_inputs(order.channels, channels, order.origin)
    if waiting is not None:
        net.weighted[name].scale_inputs(waiting.scale, waiting.shift, waiting.origin)
    return replace(made, name=name)
