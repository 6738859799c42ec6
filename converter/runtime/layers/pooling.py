"""Pooling: max, average and L2, over windows or the whole image."""

from __future__ import annotations

import numpy as np

from converter.coreml.mlmodel import Floats, Message
from converter.runtime.backend import Tensor, Weight, tf
from converter.runtime.layers import windows
from converter.runtime.layers.windows import Borders, Pair


def pooling(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Pool ``[N, H, W, C]`` over windows; Core ML's ``PoolingLayerParams``.

    Max ignores padding, L2 is the root of the sum of squares, average counts padding as zeros
    unless ``avgPoolExcludePadding``. A window that ``includeLastPixel`` lets stand out beyond the
    padding counts only what lies within it, as in Caffe and PyTorch (the format does not say).
    """
    params, x = layer.pooling, inputs[0]
    if params.globalPooling:
        return _whole_image(params, x)
    kernel, stride = windows.pair(params.kernelSize, 3), windows.pair(params.stride, 1)
    size = windows.image_size(x)
    borders, overhang = _borders(params, size, kernel, stride)
    around = _join(borders, overhang)
    if params.type == params.MAX:
        x = windows.pad(x, around, x.dtype.min)
        return tf.nn.max_pool2d(x, kernel, stride, "VALID")
    if params.type == params.L2:
        return tf.sqrt(_window_mean(tf.square(x), around, kernel, stride) * _area(kernel))
    counted = size if params.avgPoolExcludePadding else _grow(size, borders)
    first = borders if params.avgPoolExcludePadding else windows.NO_BORDERS
    counts = _counts(counted, (first[0][0], first[1][0]), _grow(size, around), kernel, stride)
    mean = _window_mean(x, around, kernel, stride)
    return mean if np.all(counts == _area(kernel)) else mean * (_area(kernel) / counts)


def _whole_image(params: Message, x: Tensor) -> Tensor:
    if params.type == params.MAX:
        return tf.reduce_max(x, (1, 2), keepdims=True)
    if params.type == params.L2:
        return tf.sqrt(tf.reduce_sum(tf.square(x), (1, 2), keepdims=True))
    return tf.reduce_mean(x, (1, 2), keepdims=True)


def _window_mean(x: Tensor, around: Borders, kernel: Pair, stride: Pair) -> Tensor:
    return tf.nn.avg_pool2d(windows.pad(x, around), kernel, stride, "VALID")


def _borders(params: Message, size: Pair, kernel: Pair, stride: Pair) -> tuple[Borders, Borders]:
    """Return the padding, and how far the last windows stand out beyond it."""
    kind = params.WhichOneof("PoolingPaddingType")
    if kind == "same":
        return windows.same_borders(params.same, size, kernel, stride), windows.NO_BORDERS
    if kind != "includeLastPixel":
        return windows.border_amounts(params.valid.paddingAmounts), windows.NO_BORDERS
    amounts = windows.pair(params.includeLastPixel.paddingAmounts, 0)
    height, width = (
        (0, _overhang(n, p, k, s, any(amounts)))
        for n, p, k, s in zip(size, amounts, kernel, stride, strict=True)
    )
    return ((amounts[0], amounts[0]), (amounts[1], amounts[1])), (height, width)


def _overhang(size: int, amount: int, kernel: int, stride: int, padded: bool) -> int:
    """Pixels by which ``ValidCompletePadding`` exceeds the padded image, so that none is left."""
    windows_count = -(-(size + 2 * amount - kernel) // stride) + 1
    if padded and (windows_count - 1) * stride >= size + amount:
        windows_count -= 1
    return max(0, (windows_count - 1) * stride + kernel - size - 2 * amount)


def _join(first: Borders, second: Borders) -> Borders:
    height, width = ((a + c, b + d) for (a, b), (c, d) in zip(first, second, strict=True))
    return height, width


def _grow(size: Pair, borders: Borders) -> Pair:
    return size[0] + sum(borders[0]), size[1] + sum(borders[1])


def _area(kernel: Pair) -> float:
    return float(kernel[0] * kernel[1])


def _counts(counted: Pair, start: Pair, padded: Pair, kernel: Pair, stride: Pair) -> Floats:
    """Return how many counted pixels each window holds, ``[1, H_out, W_out, 1]``, at least one."""
    along = []
    for length, offset, total, k, s in zip(counted, start, padded, kernel, stride, strict=True):
        first = np.arange(0, total - k + 1, s)
        inside = np.minimum(first + k, offset + length) - np.maximum(first, offset)
        along.append(np.maximum(inside, 0))
    counts: Floats = np.maximum(np.outer(*along), 1).astype(np.float32)[None, :, :, None]
    return counts
