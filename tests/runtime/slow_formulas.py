"""Convolution and pooling written out as loops over pixels, straight from the format's formulas.

Everything is ``[N, C, H, W]`` in float64; nothing is shared with the runtime.
"""

import math

import numpy as np


def same_padding(size, kernel, stride, heavy_end=True):
    total = max(0, (math.ceil(size / stride) - 1) * stride + kernel - size)
    small, large = total // 2, total - total // 2
    return (small, large) if heavy_end else (large, small)


def padded(x, borders, value=0.0):
    return np.pad(x.astype(float), [(0, 0), (0, 0), *borders], constant_values=value)


def convolve(x, w, bias, stride, dilation, groups, borders):
    x = padded(x, borders)
    outputs, per_group, kh, kw = w.shape
    height = (x.shape[2] - (kh - 1) * dilation[0] - 1) // stride[0] + 1
    width = (x.shape[3] - (kw - 1) * dilation[1] - 1) // stride[1] + 1
    y = np.zeros((len(x), outputs, height, width))
    for o in range(outputs):
        first = o // (outputs // groups) * per_group
        for i in range(height):
            for j in range(width):
                rows = i * stride[0] + dilation[0] * np.arange(kh)
                columns = j * stride[1] + dilation[1] * np.arange(kw)
                window = x[:, first : first + per_group][:, :, rows][:, :, :, columns]
                y[:, o, i, j] = (window * w[o]).sum((1, 2, 3)) + bias[o]
    return y


def deconvolve(x, w, bias, stride, groups):
    """Return the whole sum, before anything is cropped; weights ``[C, out / groups, kh, kw]``."""
    samples, channels, height, width = x.shape
    _, per_group, kh, kw = w.shape
    shape = (height - 1) * stride[0] + kh, (width - 1) * stride[1] + kw
    y = np.zeros((samples, per_group * groups, *shape))
    for c in range(channels):
        first = c // (channels // groups) * per_group
        for i in range(height):
            for j in range(width):
                top, left = i * stride[0], j * stride[1]
                y[:, first : first + per_group, top : top + kh, left : left + kw] += (
                    x[:, c, i, j][:, None, None, None] * w[c][None]
                )
    return y + np.reshape(bias, (1, -1, 1, 1))


def pool(x, kind, kernel, stride, borders, shape, exclude_padding):
    """Pool at ``shape`` positions; windows are cut at the end of the padding."""
    samples, channels, height, width = x.shape
    (top, bottom), (left, right) = borders
    y = np.zeros((samples, channels, *shape))
    for i in range(shape[0]):
        for j in range(shape[1]):
            r0, c0 = i * stride[0] - top, j * stride[1] - left
            r1, c1 = min(r0 + kernel[0], height + bottom), min(c0 + kernel[1], width + right)
            inside = x[:, :, max(r0, 0) : min(r1, height), max(c0, 0) : min(c1, width)]
            inside = inside.astype(float).reshape(samples, channels, -1)
            counted = inside.shape[2] if exclude_padding else (r1 - r0) * (c1 - c0)
            y[:, :, i, j] = {
                "MAX": lambda v=inside: v.max(2),
                "L2": lambda v=inside: np.sqrt((v**2).sum(2)),
                "AVERAGE": lambda v=inside, n=counted: v.sum(2) / n,
            }[kind]()
    return y
