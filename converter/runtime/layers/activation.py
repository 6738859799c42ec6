"""The activation layer: one row of `FUNCTIONS` per nonlinearity of ``ActivationParams``."""

from __future__ import annotations

from collections.abc import Callable

from converter.coreml.mlmodel import Message
from converter.runtime.backend import Tensor, Weight, tf

Function = Callable[[Tensor, Message, Weight], Tensor]
"""``(x, parameters, weights)`` to ``y``; x is ``[N, H, W, C]``, weights have ``[C]`` or ``[1]``."""

ANY_LENGTH = (-1,)
"""Parameters have one value for each channel, or one for all."""

FUNCTIONS: dict[str, Function] = {
    "linear": lambda x, p, weight: p.alpha * x + p.beta,
    "ReLU": lambda x, p, weight: tf.nn.relu(x),
    "leakyReLU": lambda x, p, weight: tf.where(x >= 0, x, p.alpha * x),
    "thresholdedReLU": lambda x, p, weight: tf.where(x >= p.alpha, x, tf.zeros_like(x)),
    "PReLU": lambda x, p, weight: tf.where(x >= 0, x, weight("PReLU.alpha", ANY_LENGTH) * x),
    "tanh": lambda x, p, weight: tf.tanh(x),
    "scaledTanh": lambda x, p, weight: p.alpha * tf.tanh(p.beta * x),
    "sigmoid": lambda x, p, weight: tf.sigmoid(x),
    "sigmoidHard": lambda x, p, weight: tf.clip_by_value(p.alpha * x + p.beta, 0.0, 1.0),
    "ELU": lambda x, p, weight: tf.where(x >= 0, x, p.alpha * tf.math.expm1(x)),
    "softsign": lambda x, p, weight: tf.nn.softsign(x),
    "softplus": lambda x, p, weight: tf.nn.softplus(x),
    "parametricSoftplus": lambda x, p, weight: (
        weight("parametricSoftplus.alpha", ANY_LENGTH)
        * tf.nn.softplus(weight("parametricSoftplus.beta", ANY_LENGTH) * x)
    ),
}
"""Formulas: the comments of the ``Activation…`` messages in Core ML's NeuralNetwork.proto."""


def activation(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Apply the layer's nonlinearity to every element."""
    kind = layer.activation.WhichOneof("NonlinearityType")
    return FUNCTIONS[kind](inputs[0], getattr(layer.activation, kind), weight)
