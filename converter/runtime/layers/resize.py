"""Resizing images: every interpolation is a choice of sampling points along each axis.

Points are in pixels of the source, from 0 to ``size - 1``. Formulas: ``SamplingMode`` and
``UpsampleLayerParams.LinearUpsampleMode`` in Core ML's NeuralNetwork.proto.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from converter.coreml.mlmodel import Floats, Message
from converter.runtime.backend import Tensor, Weight, tf
from converter.runtime.layers import windows

Grid = Callable[[int, int], Floats]
"""Sizes of source and result to the sampling points, one per pixel of the result."""


def from_start_to(end: Callable[[int, int], float]) -> Grid:
    """Return the grid of evenly spaced points from 0 to `end`."""
    return lambda size, out: np.linspace(0.0, end(size, out), out, dtype=np.float32)


def _aligned(size: int, out: int) -> Floats:
    if out == 1:
        return np.array([(size - 1) / 2], np.float32)
    return np.linspace(0.0, size - 1.0, out, dtype=np.float32)


def _region(size: int, out: int) -> Floats:
    spacing = max(1, size - 1) / out
    return (0.5 * spacing + spacing * np.arange(out)).astype(np.float32)


def _half_pixel(size: int, out: int) -> Floats:
    return ((np.arange(out) + 0.5) * (size / out) - 0.5).astype(np.float32)


STRICT_ENDPOINTS = from_start_to(lambda size, out: size - 1.0)
UPSAMPLE = from_start_to(lambda size, out: size - size / out)

RESIZE_GRIDS: dict[str, Grid] = {
    "STRICT_ALIGN_ENDPOINTS_MODE": STRICT_ENDPOINTS,
    "ALIGN_ENDPOINTS_MODE": _aligned,
    "UPSAMPLE_MODE": UPSAMPLE,
    "ROI_ALIGN_MODE": _region,
}
UPSAMPLE_GRIDS: dict[str, Grid] = {
    "DEFAULT": UPSAMPLE,
    "ALIGN_CORNERS_TRUE": STRICT_ENDPOINTS,
    "ALIGN_CORNERS_FALSE": _half_pixel,
}


def upsample(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Enlarge an image by repeating pixels, or by bilinear interpolation."""
    params, x = layer.upsample, inputs[0]
    factors = tuple(params.fractionalScalingFactor) or windows.pair(params.scalingFactor, 1)
    if params.mode == params.NN:
        for axis, factor in enumerate(factors, 1):
            x = tf.repeat(x, int(factor), axis=axis)
        return x
    grid = UPSAMPLE_GRIDS[params.LinearUpsampleMode.Name(params.linearUpsampleMode)]
    windows.refuse_absurd(*(int(f * n) for f, n in zip(factors, x.shape[1:3], strict=True)))
    for axis, factor in enumerate(factors, 1):
        x = sample(x, axis, math.floor(x.shape[axis] * factor), grid)
    return x


def resize_bilinear(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Resize an image to ``targetSize`` by bilinear interpolation."""
    params, x = layer.resizeBilinear, inputs[0]
    grid = RESIZE_GRIDS[params.mode.Method.Name(params.mode.samplingMethod)]
    for axis, out in enumerate(windows.pair(params.targetSize, 1), 1):
        x = sample(x, axis, out, grid)
    return x


def sample(x: Tensor, axis: int, out: int, grid: Grid) -> Tensor:
    """Interpolate linearly along one axis of a blob, at the `out` points of `grid`."""
    if out < 1:
        raise ValueError(f"an image is to become {out} pixels high or wide")
    size = int(x.shape[axis])
    points = np.clip(grid(size, out), 0, size - 1)
    before = np.floor(points).astype(np.int32)
    after = np.minimum(before + 1, size - 1)
    share = (points - before).reshape([-1 if a == axis else 1 for a in range(4)])
    return tf.gather(x, before, axis=axis) * (1 - share) + tf.gather(x, after, axis=axis) * share
