"""Layers that move data without computing. Blobs are kept ``[N, H, W, C]``."""

from __future__ import annotations

import math

from converter.coreml.mlmodel import Message
from converter.errors import ModelFileError
from converter.runtime.backend import Tensor, Weight, tf
from converter.runtime.layers import windows

TO_CHANNEL_FIRST = (0, 3, 1, 2)
TO_CHANNEL_LAST = (0, 2, 3, 1)


def flat(x: Tensor) -> Tensor:
    """Return the blob `x` as ``[N, C * H * W]``, channel first."""
    height, width, channels = x.shape[1:]
    if height * width > 1 and channels > 1:
        x = tf.transpose(x, TO_CHANNEL_FIRST)
    return tf.reshape(x, (-1, height * width * channels))


def flatten(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Return ``[N, 1, 1, C * H * W]`` in the order C, H, W or, as Keras flattens, H, W, C."""
    params, x = layer.flatten, inputs[0]
    if params.mode == params.CHANNEL_FIRST:
        x = flat(x)
    return tf.reshape(x, (-1, 1, 1, math.prod(x.shape[1:])))


def reshape(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Reshape a sample to ``[C, H, W]``, reading and writing in the order of ``mode``."""
    params, x = layer.reshape, inputs[0]
    *sequence, channels, height, width = (int(n) for n in params.targetShape)
    _refuse_sequences(layer, sequence[0] if sequence else 1)
    if params.mode == params.CHANNEL_LAST:
        return tf.reshape(x, (-1, height, width, channels))
    return tf.transpose(tf.reshape(flat(x), (-1, channels, height, width)), TO_CHANNEL_LAST)


def permute(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Reorder the axes (sequence, C, H, W); the sequence must come out with length one."""
    order = [int(axis) for axis in layer.permute.axis] or [0, 1, 2, 3]
    x = tf.transpose(inputs[0], TO_CHANNEL_FIRST)[:, None]
    x = tf.transpose(x, (0, *(axis + 1 for axis in order)))
    _refuse_sequences(layer, x.shape[1])
    return tf.transpose(tf.squeeze(x, 1), TO_CHANNEL_LAST)


def concat(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Join blobs along their channels; a constant is repeated for every sample."""
    if layer.concat.sequenceConcat:
        _refuse_sequences(layer, len(inputs))
    batch = tf.reduce_max([tf.shape(x)[0] for x in inputs])
    return tf.concat([repeated(x, batch) for x in inputs], axis=3)


def split(layer: Message, inputs: list[Tensor], weight: Weight) -> list[Tensor]:
    """Cut a blob into ``nOutputs`` equal parts along its channels."""
    return windows.parts(inputs[0], int(layer.split.nOutputs))


def slice_(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Take ``[startIndex : endIndex : stride]`` of one axis; negatives count from its end."""
    params = layer.slice
    part = slice(params.startIndex, params.endIndex, int(params.stride) or 1)
    axis = {params.CHANNEL_AXIS: 3, params.HEIGHT_AXIS: 1, params.WIDTH_AXIS: 2}[params.axis]
    return inputs[0][(slice(None),) * axis + (part,)]


def crop(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Cut borders off, or cut out a window as large as the second input, from ``offset`` on."""
    x = inputs[0]
    if len(inputs) == 1:
        (top, bottom), (left, right) = windows.border_amounts(layer.crop.cropAmounts)
        height, width = windows.image_size(x)
        return x[:, top : height - bottom, left : width - right]
    (top, left), (height, width) = (
        windows.pair(layer.crop.offset, 0),
        windows.image_size(inputs[1]),
    )
    return x[:, top : top + height, left : left + width]


def padding(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Surround the image with a value, its mirror image, or its outermost pixels."""
    params, x = layer.padding, inputs[0]
    borders = windows.border_amounts(params.paddingAmounts)
    kind = params.WhichOneof("PaddingType")
    if kind == "reflection":
        return tf.pad(x, [(0, 0), *borders, (0, 0)], "REFLECT")
    if kind == "replication":
        for axis, (start, end) in enumerate(borders, 1):
            last = int(x.shape[axis]) - 1
            nearest = tf.clip_by_value(tf.range(-start, last + end + 1), 0, last)
            x = tf.gather(x, nearest, axis=axis)
        return x
    return windows.pad(x, borders, params.constant.value)


def reorganize_data(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Move blocks of pixels into channels or back; TensorFlow's order, or PyTorch's shuffle."""
    params, x = layer.reorganizeData, inputs[0]
    block = int(params.blockSize)
    if params.mode == params.SPACE_TO_DEPTH:
        return tf.nn.space_to_depth(x, block)
    if params.mode == params.PIXEL_SHUFFLE:
        height, width, channels = x.shape[1:]
        x = tf.reshape(x, (-1, height, width, channels // block**2, block**2))
        x = tf.reshape(tf.transpose(x, (0, 1, 2, 4, 3)), (-1, height, width, channels))
    return tf.nn.depth_to_space(x, block)


def sequence_repeat(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Repeat the sequence; an image network has sequences of length one only."""
    _refuse_sequences(layer, int(layer.sequenceRepeat.nRepetitions) or 1)
    return inputs[0]


def repeated(x: Tensor, batch: Tensor) -> Tensor:
    """Return the blob `x` for every sample of a batch, if it was made for one (a constant)."""
    if x.shape[0] != 1:
        return x
    return tf.repeat(x, batch, axis=0)


def _refuse_sequences(layer: Message, length: int) -> None:
    if length != 1:
        raise ModelFileError(
            f"layer '{layer.name}': makes a sequence of length {length}; the reference runtime "
            "runs networks on single images"
        )
