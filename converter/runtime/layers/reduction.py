"""The reduce layer, with all modes and axes of ``ReduceLayerParams``."""

from __future__ import annotations

from converter.coreml.mlmodel import Message
from converter.runtime.backend import Tensor, Weight, tf

AXES = {"CHW": (1, 2, 3), "HW": (1, 2), "C": (3,), "H": (1,), "W": (2,)}
"""Axes of Core ML to those of a blob ``[N, H, W, C]``."""


def reduce(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Reduce along the layer's axes, which stay with size one."""
    params, x = layer.reduce, inputs[0]
    axes = AXES[params.ReduceAxis.Name(params.axis)]
    epsilon = params.epsilon or 1e-6
    operations = {
        "SUM": lambda: tf.reduce_sum(x, axes, keepdims=True),
        "AVG": lambda: tf.reduce_mean(x, axes, keepdims=True),
        "PROD": lambda: tf.reduce_prod(x, axes, keepdims=True),
        "LOGSUM": lambda: tf.reduce_sum(tf.math.log(x + epsilon), axes, keepdims=True),
        "SUMSQUARE": lambda: tf.reduce_sum(tf.square(x), axes, keepdims=True),
        "L1": lambda: tf.reduce_sum(tf.abs(x), axes, keepdims=True),
        "L2": lambda: tf.sqrt(tf.reduce_sum(tf.square(x), axes, keepdims=True)),
        "MAX": lambda: tf.reduce_max(x, axes, keepdims=True),
        "MIN": lambda: tf.reduce_min(x, axes, keepdims=True),
        "ARGMAX": lambda: tf.expand_dims(tf.cast(tf.argmax(x, axes[0]), x.dtype), axes[0]),
    }
    return operations[params.ReduceOperation.Name(params.mode)]()
