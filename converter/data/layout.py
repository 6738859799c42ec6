"""Telling how an array is laid out, by the shape that the model declares for its input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from converter.coreml.features import image_shape
from converter.coreml.interface import NARROW
from converter.coreml.mlmodel import Message
from converter.errors import DataError, UsageError
from converter.runtime.backend import Array

Layout = Literal["auto", "nhwc", "nchw"]
LAYOUTS = get_args(Layout)

Shape = tuple[int, ...]

FORMS: dict[Layout, tuple[str, ...]] = {
    "nhwc": ("HWC", "WC", "HW", "C", "W", ""),
    "nchw": ("CHW", "HW", "C", "W", ""),
}
"""Layout -> the axes that the samples of an array may have, if those left out are of size one.

Keras knows images ``HWC``, gray ones ``HW`` too, signals ``WC`` and vectors ``C``; Core ML ``CHW``.
"""


def to_core_ml(feature: Message, shape: Shape, layout: Layout) -> Callable[[Array], Array]:
    """Return the function that turns rows of an array into what the input `feature` takes.

    The array has `shape` ``[N, ...]``, the batch first. Samples are laid out as in Keras: ``[H, W,
    C]``, ``[steps, C]`` of signals, ``[H, W]`` and ``[steps]`` if there is one channel, ``[C]`` of
    vectors, nothing of single numbers; or as in Core ML: ``[C, H, W]``. Inputs that take arrays get
    ``[N, C, H, W]``, or ``[N, C]`` of vectors; images stay ``[N, H, W, C]``.

    Raises:
        DataError: the shape fits neither layout.
        UsageError: both layouts fit and `layout` is "auto".
    """
    is_image = feature.type.WhichOneof("Type") == "imageType"
    declared = _declared(feature)
    if len(declared) != 3:
        return _reshaped(feature, shape, declared)
    sizes = dict(zip("CHW", declared, strict=True))
    axes = _axes(feature, shape, sizes, layout)
    wanted = "HWC" if is_image else "CHW"
    order = [0, *(1 + axes.index(axis) for axis in wanted if axis in axes)]
    rows = tuple(sizes[axis] for axis in wanted)
    return lambda x: x.transpose(order).reshape(len(x), *rows)


def _declared(feature: Message) -> Shape:
    if feature.type.WhichOneof("Type") == "imageType":
        height, width, channels = image_shape(feature)
        return channels, height, width
    return tuple(int(size) for size in feature.type.multiArrayType.shape)


def _reshaped(feature: Message, shape: Shape, declared: Shape) -> Callable[[Array], Array]:
    """Return the function that adds or drops axes of size one, all that can be of a vector."""
    if feature.type.multiArrayType.WhichOneof("ShapeFlexibility"):
        return lambda x: x
    if declared and [n for n in shape[1:] if n > 1] != [n for n in declared if n > 1]:
        raise DataError(
            f"data of shape {list(shape)} do not fit the input '{feature.name}': "
            f"{_listed(declared)} is needed"
        )
    return lambda x: x.reshape(len(x), *declared) if declared else x


def _axes(feature: Message, shape: Shape, sizes: dict[str, int], layout: Layout) -> str:
    """Return the axes that samples of an array of `shape` have, given the input's `sizes`."""
    rows = shape[1:]
    fits = {
        name: next((axes for axes in forms if _fits(rows, axes, sizes)), None)
        for name, forms in FORMS.items()
    }
    last, first = fits["nhwc"], fits["nchw"]
    if layout != "auto":
        last, first = (axes if name == layout else None for name, axes in fits.items())
    if last is None and first is None:
        raise DataError(
            f"data of shape {list(shape)} do not fit the input '{feature.name}': "
            f"{_needed(sizes)} is needed"
        )
    if last and first and _moving(last, sizes) != _moving(first, sizes):
        raise UsageError(
            f"data of shape {list(shape)} could be [N, H, W, C] or [N, C, H, W]; "
            "say --layout nhwc or --layout nchw"
        )
    return last if last is not None else first or ""


def _fits(rows: Shape, axes: str, sizes: dict[str, int]) -> bool:
    """Tell whether samples of shape `rows` can have `axes`, all others being of size one."""
    return rows == tuple(sizes[axis] for axis in axes) and math.prod(rows) == math.prod(
        sizes.values()
    )


def _moving(axes: str, sizes: dict[str, int]) -> str:
    return "".join(axis for axis in axes if sizes[axis] > 1)


def _needed(sizes: dict[str, int]) -> str:
    """Return the shapes that fit, Keras's first."""
    size = math.prod(sizes.values())
    keras = [
        tuple(sizes[axis] for axis in axes) for axes in FORMS["nhwc"]
        if axes and math.prod(sizes[axis] for axis in axes) == size
    ]  # fmt: skip
    own = f"{_listed(tuple(sizes[axis] for axis in 'CHW'))} (nchw)"
    return f"{', '.join(f'{_listed(rows)}' for rows in dict.fromkeys(keras))} (nhwc) or {own}"


def _listed(rows: Shape) -> str:
    return f"[{', '.join(['N', *map(str, rows)])}]"


def check_pixels(
    feature: Message, dtype: np.dtype, span: tuple[float, float], scale: float
) -> None:
    """Refuse values that an image input does not take: it takes pixels from 0 to 255.

    `span` are the lowest and the highest value of the data, before they are multiplied by `scale`.

    Raises:
        DataError: the values are fractions, or none that a pixel can have.
        UsageError: `scale` makes fractions of pixels, which the file scales itself.
    """
    low, high = sorted(edge * scale for edge in span)
    takes = f"the input '{feature.name}' takes images, pixels from 0 to 255"
    if 0 < high <= NARROW < span[1]:
        remedy = "leave it out" if span[1] <= 256 else f"say --scale {255 / span[1]:g}"
        raise UsageError(
            f"{takes}, and the file itself says how they are scaled; --scale {scale:g} would scale "
            f"them twice; {remedy}"
        )
    if scale == 1 and dtype.kind == "f" and low >= 0 and high <= 2:
        raise DataError(
            f"{takes}, but the data are fractions; store them as 8-bit integers, or say --scale "
            "255 if they go from 0 to 1"
        )
    if low < 0 or high > 256:
        raise DataError(
            f"{takes}, but the data go from {low:g} to {high:g}; give them as 8-bit integers"
        )
