"""The weights of a Core ML layer as Keras has them: shape and order of the axes.

What the kind of a layer does not tell stands in the metadata of files that were converted here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from converter.coreml import shapes
from converter.coreml.interface import KERNELS_KEY, OWN_KEYS, told
from converter.coreml.mlmodel import Floats, Message, NeuralNetwork_pb2, layer_params, network
from converter.errors import ModelFileError

Shape: TypeAlias = tuple[int, ...]

ORDERS: dict[int, Sequence[tuple[int, ...]]] = {
    1: [(0,)],
    2: [(1, 0)],
    3: [(2, 1, 0), (1, 2, 0)],
    4: [(3, 2, 0, 1), (2, 3, 0, 1)],
}
"""Rank of a Keras variable -> orders of its axes that Core ML may store it in; the second one is
that of depthwise convolutions."""

CHANNEL_FIRST = NeuralNetwork_pb2.FlattenLayerParams.CHANNEL_FIRST


@dataclass(frozen=True)
class KerasOrder:
    """How one tensor of Core ML stands in Keras.

    Attributes:
        shape: its shape in Keras.
        axes: the order of Keras's axes in which Core ML stores it.
        parts: the shape with an axis taken apart, if Core ML stores the parts in another order.
        is_doubled: Core ML stores two rows for one unit of Keras; their difference counts.
    """

    shape: Shape
    axes: Shape
    parts: Shape | None = None
    is_doubled: bool = False

    def to_keras(self, values: Floats) -> Floats:
        """Return `values` as Core ML stores them, ``[n]``, as an array of Keras."""
        if self.is_doubled:
            values = one_unit(values)
        parts = self.parts or self.shape
        stored = values.reshape([parts[axis] for axis in self.axes])
        return np.ascontiguousarray(stored.transpose(np.argsort(self.axes))).reshape(self.shape)

    def to_core_ml(self, array: npt.NDArray[Any]) -> Floats:
        """Return an `array` of Keras as Core ML stores it, ``[n]``; of two rows one is zero."""
        parts = array.reshape(self.parts or self.shape)
        row = np.asarray(parts.transpose(self.axes), np.float32).ravel()
        return np.concatenate([np.zeros_like(row), row]) if self.is_doubled else row


def one_unit(values: Floats) -> Floats:
    """Return what the two rows `values` of a softmax are for one sigmoid unit: the second less the
    first, ``softmax([a, b])[1] = sigmoid(b - a)``. Rounded once.
    """
    first, second = values.reshape(2, -1).astype(np.float64)
    return (second - first).astype(np.float32)


def stored_shape(layer: Message, field: str) -> Shape:
    """Return the shape in which Core ML stores ``weights`` or ``bias`` of `layer`.

    By the comments on ``ConvolutionLayerParams`` and ``InnerProductLayerParams`` in
    NeuralNetwork.proto: ``[out, in]``, ``[out, in / groups, height, width]``, and transposed
    ``[in, out / groups, height, width]``.

    Raises:
        ModelFileError: a kernel has not two sizes.
    """
    params = layer_params(layer)
    outputs = int(params.outputChannels)
    if field == "bias":
        return (outputs,)
    if layer.WhichOneof("layer") == "innerProduct":
        return outputs, int(params.inputChannels)
    window = tuple(int(size) for size in params.kernelSize) or (3, 3)
    if len(window) != 2:
        raise ModelFileError(
            f"layer '{layer.name}' (convolution): its kernel has {len(window)} sizes where height "
            "and width are needed"
        )
    channels = int(params.kernelChannels)
    if params.isDeconvolution:
        return channels, outputs // (int(params.nGroups) or 1), *window
    return outputs, channels, *window


def usual_kernel(layer: Message) -> Shape:
    """Return the shape that the kernel of `layer` most likely has in Keras, by its kind.

    ``[in, out]`` of a dense layer, ``[height, width, in / groups, out]`` of a convolution.
    """
    stored = stored_shape(layer, "weights")
    return tuple(stored[axis] for axis in np.argsort(ORDERS[len(stored)][0]))


class KerasOrders:
    """How all layers of one network stand in Keras; `owner` is the model with its metadata."""

    def __init__(self, owner: Message, member: Message) -> None:
        self._kernels = told(owner, KERNELS_KEY)
        keys = owner.description.metadata.userDefined
        self._is_own = any(key.startswith(OWN_KEYS) for key in keys)
        self._member = member

    def of(self, layer: Message, field: str) -> KerasOrder:
        """Return how ``weights`` or ``bias`` of `layer` stand in Keras.

        Raises:
            ModelFileError: the layer does not say its sizes.
        """
        stored = stored_shape(layer, field)
        if len(stored) not in ORDERS or min(stored) < 1:
            raise ModelFileError(
                f"layer '{layer.name}': does not say the sizes of its weights, and Core ML would "
                "refuse it; convert the model again"
            )
        kernel = self._told_kernel(layer)
        is_doubled = kernel is not None and 2 * math.prod(kernel) == math.prod(
            stored_shape(layer, "weights")
        )
        if field == "bias":
            return KerasOrder((stored[0] // 2,) if is_doubled else stored, (0,), None, is_doubled)
        if kernel is not None:
            return KerasOrder(kernel, axes_in(kernel, stored, is_doubled), None, is_doubled)
        usual, axes = usual_kernel(layer), ORDERS[len(stored)][0]
        image = self._flattened(layer)
        if image is None:
            return KerasOrder(usual, axes)
        channels, height, width = image
        return KerasOrder(usual, (3, 2, 0, 1), (height, width, channels, stored[0]))

    def _told_kernel(self, layer: Message) -> Shape | None:
        """Return what the file tells of the kernel of `layer` in Keras, None if nothing fits."""
        shape = self._kernels.get(layer.name)
        if (
            not shape
            or len(shape) not in ORDERS
            or not all(type(n) is int and n > 0 for n in shape)
        ):
            return None
        size, stored = math.prod(shape), stored_shape(layer, "weights")
        is_unit = stored[0] == 2 and shape[-1] == 1 and 2 * size == math.prod(stored)
        return tuple(shape) if is_unit or size == math.prod(stored) else None

    def _flattened(self, layer: Message) -> Shape | None:
        """Return channels, height and width of the image that `layer` reads channel by channel.

        Keras flattens images pixel by pixel. Its own order has any model that was converted here,
        so None there, as for whatever does not read a flattened image.
        """
        if self._is_own or layer.WhichOneof("layer") != "innerProduct":
            return None
        before = self._maker(layer)
        while before is not None and before.WhichOneof("layer") == "activation":
            before = self._maker(before)
        if before is None or before.WhichOneof("layer") != "flatten":
            return None
        if before.flatten.mode != CHANNEL_FIRST or not before.input:
            return None
        image = tuple(size or 0 for size in self._blobs.get(before.input[0]) or ())
        inputs = stored_shape(layer, "weights")[1]
        return image if len(image) == 3 and math.prod(image) == inputs else None

    def _maker(self, layer: Message) -> Message | None:
        """Return the layer that makes the input of `layer`, None if the model is given it."""
        return self._makers.get(layer.input[0]) if layer.input else None

    @cached_property
    def _makers(self) -> dict[str, Message]:
        net = network(self._member)
        layers = net.layers if net is not None else ()
        return {blob: layer for layer in layers for blob in layer.output}

    @cached_property
    def _blobs(self) -> dict[str, shapes.Shape | None]:
        return shapes.blob_shapes(self._member)


def axes_in(kernel: Shape, stored: Shape, is_doubled: bool = False) -> Shape:
    """Return in which of the possible orders a `kernel` of Keras is `stored`."""
    outputs = stored[0] // 2 if is_doubled else stored[0]
    for axes in ORDERS[len(kernel)]:
        if kernel[axes[0]] == outputs:
            return axes
    return ORDERS[len(kernel)][-1]
