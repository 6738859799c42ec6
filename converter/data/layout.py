"""Telling how an array is laid out, by the shape that the model declares for its input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from converter.coreml.features import image_shape
from converter.coreml.mlmodel import Message
from converter.errors import DataError, UsageError
from converter.runtime.backend import Array

Layout = Literal["auto", "nhwc", "nchw"]
LAYOUTS = get_args(Layout)

Shape = tuple[int, ...]


def to_core_ml(
    feature: Message, shape: Shape, dtype: np.dtype, layout: Layout, scale: float
) -> Callable[[Array], Array]:
    """Return the function that turns rows of an array into what the input `feature` takes.

    The array has `shape` ``[N, ...]``, the batch first: ``[N, H, W, C]`` as in Keras,
    ``[N, C, H, W]`` as in Core ML, ``[N, H, W]`` if there is one channel, ``[N, C]`` for a vector.
    Inputs that take arrays get ``[N, C, H, W]``; images stay ``[N, H, W, C]``.

    Raises:
        DataError: the shape fits neither layout, or the values are not those of pixels.
        UsageError: both layouts fit and `layout` is "auto".
    """
    if feature.type.WhichOneof("Type") == "imageType":
        _check_pixels(feature, dtype, scale)
        height, width, channels = image_shape(feature)
        found = _layout(feature, shape, (channels, height, width), layout)
        return _last if found == "nhwc" else lambda x: _first_of(x).transpose(0, 2, 3, 1)
    declared = tuple(int(size) for size in feature.type.multiArrayType.shape)
    if len(declared) != 3:
        return lambda x: x.reshape(len(x), -1) if x.ndim == 1 else x
    found = _layout(feature, shape, declared, layout)
    return _first_of if found == "nchw" else lambda x: _last(x).transpose(0, 3, 1, 2)


def _layout(feature: Message, shape: Shape, declared: Shape, layout: Layout) -> Layout:
    """Return which layout an array of `shape` has, given the input's ``(C, H, W)``."""
    channels, height, width = declared
    rows = shape[1:]
    if channels == 1 and rows == (height, width):
        return "nhwc"
    fits = {"nhwc": rows == (height, width, channels), "nchw": rows == declared}
    if layout != "auto" and fits[layout]:
        return layout
    if layout == "auto" and all(fits.values()) and rows.count(1) < 2:
        raise UsageError(
            f"data of shape {list(shape)} could be [N, H, W, C] or [N, C, H, W]; "
            "say --layout nhwc or --layout nchw"
        )
    if layout != "auto" or not any(fits.values()):
        raise DataError(
            f"data of shape {list(shape)} do not fit the input '{feature.name}': "
            f"[N, {height}, {width}, {channels}] (nhwc) or [N, {channels}, {height}, {width}] "
            "(nchw) is needed"
        )
    return "nhwc" if fits["nhwc"] else "nchw"


def _check_pixels(feature: Message, dtype: np.dtype, scale: float) -> None:
    if dtype.kind == "f" and scale == 1:
        raise DataError(
            f"the input '{feature.name}' takes images, pixels from 0 to 255, but the data are "
            "fractions; store them as 8-bit integers, or say --scale 255 if they go from 0 to 1"
        )


def _last(x: Array) -> Array:
    return x[..., None] if x.ndim == 3 else x


def _first_of(x: Array) -> Array:
    return x[:, None] if x.ndim == 3 else x
