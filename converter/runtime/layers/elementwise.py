"""Arithmetic on whole blobs. Sizes of one broadcast, as the format allows."""

from __future__ import annotations

import functools

from converter.coreml.mlmodel import Message
from converter.runtime.backend import Tensor, Weight, tf


def add(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Add the inputs; a single one and ``alpha``."""
    return functools.reduce(tf.add, inputs) if len(inputs) > 1 else inputs[0] + layer.add.alpha


def multiply(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Multiply the inputs; a single one and ``alpha``."""
    if len(inputs) > 1:
        return functools.reduce(tf.multiply, inputs)
    return inputs[0] * layer.multiply.alpha


def average(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Return the mean of the inputs, element by element."""
    return functools.reduce(tf.add, inputs) / float(len(inputs))


def maximum(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Return the largest of the inputs, element by element."""
    return functools.reduce(tf.maximum, inputs)


def minimum(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Return the smallest of the inputs, element by element."""
    return functools.reduce(tf.minimum, inputs)


def dot(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Return the dot product over the channels, or the cosine of the angle; ``[N, H, W, 1]``."""
    a, b = inputs
    if layer.dot.cosineSimilarity:
        a, b = tf.math.l2_normalize(a, 3), tf.math.l2_normalize(b, 3)
    return tf.reduce_sum(a * b, 3, keepdims=True)


def unary(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Apply one of the functions of ``UnaryFunctionLayerParams`` to ``scale * x + shift``."""
    params = layer.unary
    x = (params.scale or 1.0) * inputs[0] + params.shift
    epsilon, alpha = params.epsilon or 1e-6, params.alpha
    operation = params.Operation.Name(params.type)
    functions = {
        "SQRT": lambda: tf.sqrt(x),
        "RSQRT": lambda: tf.math.rsqrt(x + epsilon),
        "INVERSE": lambda: 1.0 / (x + epsilon),
        "POWER": lambda: tf.pow(x, alpha),
        "EXP": lambda: tf.exp(x),
        "LOG": lambda: tf.math.log(x),
        "ABS": lambda: tf.abs(x),
        "THRESHOLD": lambda: tf.maximum(x, alpha),
    }
    return functions[operation]()
