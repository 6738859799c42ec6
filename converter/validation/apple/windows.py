"""The demands of convolution and pooling in Apple's shape inference, and helpers for all layers.

See `apple_layers`. Source: ``NeuralNetworkShapes.cpp`` of apple/coremltools.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from converter.coreml.mlmodel import Message
from converter.validation.apple import intervals as iv
from converter.validation.apple.intervals import B, Blob, C, Empty, H, S, W
from converter.validation.apple.weights import i32, quotient, u64

Blobs: TypeAlias = Callable[[str], Blob]


def ends(layer: Message, blob: Blobs) -> tuple[Blob, Blob]:
    """Return the first input and the first output."""
    return blob(layer.input[0]), blob(layer.output[0])


def share(one: Blob, other: Blob, *axes: int) -> None:
    """Let both blobs have the same sizes along `axes`."""
    for axis in axes:
        other.narrow(axis, one.axes[axis])
        one.narrow(axis, other.axes[axis])


def fix(blob: Blob, channels: int, height: int = 1, width: int = 1) -> None:
    """Demand a size of each of channel, height and width."""
    for axis, size in ((C, channels), (H, height), (W, width)):
        blob.fix(axis, size)


def pair(values: Message, default: int) -> tuple[int, int]:
    """Return the values for height and width, `default` unless there are two of them."""
    return (i32(values[0]), i32(values[1])) if len(values) == 2 else (default, default)


def borders(amounts: Message) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right padding."""
    edges = amounts.borderAmounts
    if len(edges) != 2:
        return 0, 0, 0, 0
    (top, bottom), (left, right) = ((i32(e.startEdgeSize), i32(e.endEdgeSize)) for e in edges)
    return top, bottom, left, right


def convolution(layer: Message, blob: Blobs) -> None:
    """Output size by kernel, stride and padding; the input must have the kernel's channels."""
    source, result = ends(layer, blob)
    share(source, result, S, B)
    params = layer.convolution
    groups = i32(params.nGroups) if params.nGroups else 1
    channels = i32(params.kernelChannels)
    source.fix(C, u64(channels if params.isDeconvolution else i32(channels * groups)))
    result.fix(C, params.outputChannels)
    if params.isDeconvolution and len(params.outputShape) == 2:
        result.fix(H, params.outputShape[0])
        result.fix(W, params.outputShape[1])
        return
    kernels, strides = pair(params.kernelSize, 3), pair(params.stride, 1)
    dilations = pair(params.dilationFactor, 1)
    padding = params.WhichOneof("ConvolutionPaddingType")
    top, bottom, left, right = borders(params.valid.paddingAmounts)
    for n, (axis, edges) in enumerate(((H, (bottom, top)), (W, (left, right)))):
        kernel = i32((kernels[n] - 1) * dilations[n] + 1)
        if padding == "valid" and params.isDeconvolution:
            _valid_deconvolution(source, result, axis, kernel, strides[n], edges)
        elif padding == "valid":
            _valid_convolution(source, result, axis, kernel, strides[n], i32(sum(edges)))
        elif padding == "same" and params.isDeconvolution:
            result.narrow(axis, iv.times(source.axes[axis], u64(strides[n])))
        elif padding == "same":
            _same_convolution(source, result, axis, u64(strides[n]))
        else:
            raise Empty("a convolution without padding type")


def _valid_convolution(
    source: Blob, result: Blob, axis: int, kernel: int, stride: int, border: int
) -> None:
    reach = i32(kernel - border)
    if reach > 0:
        low = max(iv.value(result.axes[axis][0]) - 1, 0)
        source.at_least(axis, u64(low * u64(stride) + reach))
        high = iv.shift(iv.scale(iv.shift(result.axes[axis][1], -1), u64(stride)), reach)
        most = source.axes[axis][1]
        if most is not None and u64(most + u64(border - kernel) % 2) != 0:
            high = iv.shift(high, 1)
        source.at_most(axis, high)
    moved = iv.plus(source.axes[axis], i32(border - kernel))
    result.narrow(axis, iv.plus(iv.over_positive(moved, stride), 1))


def _valid_deconvolution(
    source: Blob, result: Blob, axis: int, kernel: int, stride: int, edges: tuple[int, int]
) -> None:
    if stride == 0:
        raise Empty("a deconvolution with stride 0")
    low = quotient(i32(iv.value(result.axes[axis][0]) + sum(edges) - kernel), stride) + 1
    high = result.axes[axis][1]
    for amount in (*edges, -kernel):
        high = iv.shift(high, amount)
    high = iv.shift(iv.divide(high, u64(stride)), 1)
    if low > 0:
        source.at_least(axis, low)
    source.at_most(axis, high)
    grown = iv.times(iv.plus(source.axes[axis], -1), u64(stride))
    for amount in (kernel, -edges[1], -edges[0]):
        grown = iv.plus(grown, amount)
    result.narrow(axis, grown)


def _same_convolution(source: Blob, result: Blob, axis: int, stride: int) -> None:
    result.narrow(axis, iv.plus(iv.over(iv.plus(source.axes[axis], -1), stride), 1))
    source.at_least(axis, iv.value(result.axes[axis][0]))
    source.at_most(axis, iv.scale(result.axes[axis][1], stride))


def pooling(layer: Message, blob: Blobs) -> None:
    """Output size by kernel, stride and padding."""
    source, result = ends(layer, blob)
    share(source, result, S, B, C)
    params = layer.pooling
    if params.globalPooling:
        result.fix(H, 1)
        result.fix(W, 1)
        return
    kernels, strides = pair(params.kernelSize, 3), pair(params.stride, 1)
    padding = params.WhichOneof("PoolingPaddingType")
    top, bottom, left, right = borders(params.valid.paddingAmounts)
    completing = pair(params.includeLastPixel.paddingAmounts, 0)
    for n, (axis, border) in enumerate(((H, i32(top + bottom)), (W, i32(left + right)))):
        kernel, stride = kernels[n], u64(strides[n])
        if padding == "valid":
            _valid_pooling(source, result, axis, kernel, stride, border)
        elif padding == "same":
            result.narrow(axis, iv.plus(iv.over(iv.plus(source.axes[axis], -1), stride), 1))
        elif padding == "includeLastPixel":
            _completing_pooling(source, result, axis, kernel, strides[n], completing)
        else:
            raise Empty("a pooling without padding type")


def _valid_pooling(
    source: Blob, result: Blob, axis: int, kernel: int, stride: int, border: int
) -> None:
    reach = i32(kernel - border)
    if reach > 0:
        low = max(iv.value(result.axes[axis][0]) - 1, 0)
        source.at_least(axis, u64(low * stride + reach))
    moved = iv.plus(source.axes[axis], i32(border - kernel))
    result.narrow(axis, iv.plus(iv.over(moved, stride), 1))


def _completing_pooling(
    source: Blob, result: Blob, axis: int, kernel: int, stride: int, pads: tuple[int, int]
) -> None:
    pad, extra = pads[axis - H], 0
    twice = i32(2 * pad)
    if any(pads):
        low = i32(iv.value(source.axes[axis][0]))
        if i32(low - 1 + (twice - kernel - 1) + 2 * stride) >= i32(low + pad):
            extra = -1
    rounded = iv.over_up(iv.plus(source.axes[axis], i32(twice - kernel)), u64(stride))
    result.narrow(axis, iv.plus(iv.plus(rounded, 1), extra))
    reach = i32(kernel - twice)
    if reach > 0:
        source.at_least(H, u64(iv.value(result.axes[axis][0]) - 1 + reach))
