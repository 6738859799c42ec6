"""Layers that multiply, add or look up weights: dense, embedding, scale, bias, constants."""

from __future__ import annotations

import math
from collections.abc import Sequence

from converter.coreml.mlmodel import Message
from converter.runtime.backend import Rearranged, Tensor, Weight, tf
from converter.runtime.layers.shape import flat


def inner_product(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """``y = W x + b`` with ``W`` ``[out, in]`` and `x` flattened channel first; ``[N, 1, 1, out]``.

    The weights are multiplied as they are held, so that no transposed copy is made.
    """
    params, x = layer.innerProduct, flat(inputs[0])
    outputs = int(params.outputChannels)
    matrix = weight("weights", (outputs, int(params.inputChannels)))
    if isinstance(matrix, Rearranged):
        y = tf.concat([tf.matmul(x, block) for block in matrix.blocks], 1)
    else:
        y = tf.matmul(x, matrix, transpose_b=True)
    if params.hasBias:
        y = tf.nn.bias_add(y, weight("bias", (outputs,)))
    return tf.reshape(y, (-1, 1, 1, outputs))


def embedding(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Column ``x`` of the weights ``[out, rows]``, and a bias; ``[N, 1, 1, out]``.

    `x` is the index ``[N, 1, 1, 1]``, of which a fraction is cut off.
    """
    params = layer.embedding
    outputs = int(params.outputChannels)
    table = weight("weights", (outputs, int(params.inputDim)))
    index = tf.cast(tf.reshape(inputs[0], (-1, math.prod(inputs[0].shape[1:]))), tf.int32)
    y = tf.transpose(tf.gather(table, tf.squeeze(index, 1), axis=1))
    if params.hasBias:
        y = tf.nn.bias_add(y, weight("bias", (outputs,)))
    return tf.reshape(y, (-1, 1, 1, outputs))


def bias(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """``y = x + b`` with ``b`` of shape ``[1]``, ``[C]``, ``[1, H, W]`` or ``[C, H, W]``."""
    return inputs[0] + _spread(weight, "bias", layer.bias.shape)


def scale(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """``y = s x + b`` with ``s`` and ``b`` shaped as in `bias`."""
    params = layer.scale
    y = inputs[0] * _spread(weight, "scale", params.shapeScale)
    return y + _spread(weight, "bias", params.shapeBias) if params.hasBias else y


def load_constant(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Return the stored blob ``[C, H, W]``, the same for every sample: ``[1, H, W, C]``."""
    return _spread(weight, "data", layer.loadConstant.shape)


def _spread(weight: Weight, field: str, shape: Sequence[int]) -> Tensor:
    """Return stored values as a blob that broadcasts: ``[1, H, W, C]``."""
    sizes = tuple(int(n) for n in shape) or (1,)
    full = (*sizes, 1, 1) if len(sizes) == 1 else sizes
    return tf.transpose(weight(field, full), (1, 2, 0))[None]
