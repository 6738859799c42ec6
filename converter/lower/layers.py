"""Adding one layer at a time; what still waits on a blob is for `Net` to apply before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converter.backend.builder import layer_named, remove_layer
from converter.coreml.mlmodel import set_floats
from converter.lower.blob import Blob, Border
from converter.lower.names import Names
from converter.trace.program import Array, Op


class Layers(Names):
    """The part of a `Net` that adds layers and returns what they make."""

    def remove(self, name: str) -> None:
        """Take the layer `name` out again; nothing may read its blob."""
        remove_layer(self.builder, name)

    def made(
        self, op: Op, suffix: str, blob: Blob, add: Callable[..., Any], **parameters: Any
    ) -> Blob:
        """Add a layer over `blob`, by the builder's method `add`, and return what it makes.

        What the layer changes beside the values (sizes, letters) is for the caller to put in.
        """
        name = self.name(op, suffix)
        add(name=name, input_name=blob.name, output_name=name, **parameters)
        return replace(blob, name=name, shared=False)

    def elementwise(self, op: Op, mode: str, blobs: Sequence[Blob]) -> Blob:
        """Add an elementwise layer over `blobs` and return what it makes, shaped as the first."""
        name = self.name(op, mode.lower())
        self.builder.add_elementwise(name, [blob.name for blob in blobs], name, mode)
        return replace(blobs[0], name=name, shared=False)

    def scale(self, op: Op, blob: Blob, scale: Array, shift: Array) -> Blob:
        """Add ``scale * x + shift`` as one layer; arrays are ``[C or 1, H or 1, W or 1]``."""
        scale, shift = (_storable(array, blob) for array in (scale, shift))
        name = self.name(op, "scale")
        if np.all(scale == 1):
            self.builder.add_bias(name, np.zeros(shift.size), blob.name, name, list(shift.shape))
            params = layer_named(self.builder, name).bias
            set_floats(params.bias, shift)
        else:
            self.builder.add_scale(
                name, np.zeros(scale.size), np.zeros(shift.size), bool(np.any(shift != 0)),
                blob.name, name, list(scale.shape), list(shift.shape),
            )  # fmt: skip
            params = layer_named(self.builder, name).scale
            set_floats(params.scale, scale)
            if params.hasBias:
                set_floats(params.bias, shift)
        return replace(blob, name=name, shared=False)

    def padded(
        self, op: Op, blob: Blob, border: Border, value: float = 0, kind: str = "constant"
    ) -> Blob:
        """Return `blob`, on which nothing waits, with `border` around it, by a padding layer."""
        (top, bottom), (left, right) = border.vertical, border.horizontal
        done = self.made(
            op, "padding", blob, self.builder.add_padding, left=left, right=right, top=top,
            bottom=bottom, value=value, padding_type=kind,
        )  # fmt: skip
        channels, height, width = blob.chw
        return replace(done, chw=(channels, height + top + bottom, width + left + right))

    def stretched(self, op: Op, blob: Blob, height: int, width: int) -> Blob:
        """Return `blob` repeated along axes of size one up to `height` and `width`."""
        _, h, w = blob.chw
        if (h, w) == (height, width):
            return blob
        grown = self.made(
            op, "upsample", blob, self.builder.add_upsample,
            scaling_factor_h=height // h, scaling_factor_w=width // w,
        )  # fmt: skip
        return replace(grown, chw=(blob.channels, height, width))

    def widened(self, op: Op, blob: Blob, channels: int) -> Blob:
        """Return `blob`, of one channel, repeated along the channels: a 1x1 convolution of ones."""
        name = self.pointwise(op, blob, np.ones((channels, 1), np.float32))
        return replace(blob, name=name, chw=(channels, *blob.chw[1:]), shared=False)

    def pointwise(self, op: Op, blob: Blob, matrix: Array) -> str:
        """Add a 1x1 convolution by `matrix`, ``[out, in]``, of constants; return its name."""
        name, (outputs, inputs) = self.name(op, "repeat"), matrix.shape
        self.builder.add_convolution(
            name, inputs, outputs, 1, 1, 1, 1, "valid", 1, np.zeros((0, 1, 1, 1)), None, False,
            input_name=blob.name, output_name=name,
        )  # fmt: skip
        set_floats(layer_named(self.builder, name).convolution.weights, matrix)
        return name

    def constant(self, op: Op, array: Array) -> Blob:
        """Return a blob that holds `array`, of shape ``[C, H, W]``, with letters ``CHW``."""
        name = self.name(op, "loadConstant")
        self.builder.add_load_constant(name, name, np.zeros(array.shape, np.float32), array.shape)
        set_floats(layer_named(self.builder, name).loadConstant.data, array)
        return Blob(name, "CHW", array.shape)


def _storable(array: Array, blob: Blob) -> Array:
    """Return `array` in a shape that scale and bias layers store: 1, C, [1,H,W] or [C,H,W]."""
    c, h, w = array.shape
    if (h, w) == (1, 1):
        flat = array.ravel()
        return flat[:1] if np.all(flat == flat[0]) else flat
    return np.broadcast_to(array, (c, *blob.chw[1:]))
