"""Layers that normalize: by stored or computed mean and variance, by length, by exponentials."""

from __future__ import annotations

from converter.coreml.mlmodel import Message
from converter.runtime.backend import Tensor, Weight, tf

IMAGE = (1, 2)
SAMPLE = (1, 2, 3)
CHANNEL_IN_BATCH = (0, 1, 2)


def is_by_batch(layer: Message) -> bool:
    """Tell whether what `layer` makes of a sample depends on those it is computed with."""
    params = layer.batchnorm
    is_computed = params.computeMeanVar and not params.instanceNormalization
    return bool(layer.WhichOneof("layer") == "batchnorm" and is_computed)


def batchnorm(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """``gamma (x - mean) / sqrt(variance + epsilon) + beta`` for each channel.

    With ``computeMeanVar`` mean and variance are those of each sample's channel
    (``instanceNormalization``) or of the batch's channel; otherwise the stored ones.
    """
    params, x = layer.batchnorm, inputs[0]
    channels = (int(params.channels),)
    if params.computeMeanVar:
        axes = IMAGE if params.instanceNormalization else CHANNEL_IN_BATCH
        mean, variance = tf.nn.moments(x, axes, keepdims=True)
    else:
        mean, variance = weight("mean", channels), weight("variance", channels)
    factor = weight("gamma", channels) * tf.math.rsqrt(variance + (params.epsilon or 1e-5))
    return (x - mean) * factor + weight("beta", channels)


def mvn(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """Subtract the mean, and divide by the deviation if asked; per channel or per sample."""
    params, x = layer.mvn, inputs[0]
    mean, variance = tf.nn.moments(x, SAMPLE if params.acrossChannels else IMAGE, keepdims=True)
    if not params.normalizeVariance:
        return x - mean
    return (x - mean) * tf.math.rsqrt(variance + (params.epsilon or 1e-6))


def l2_normalize(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """``x / sqrt(sum(x²) + epsilon)`` over all elements of a sample."""
    squares = tf.reduce_sum(tf.square(inputs[0]), SAMPLE, keepdims=True)
    return inputs[0] * tf.math.rsqrt(squares + (layer.l2normalize.epsilon or 1e-6))


def softmax(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """``exp(x) / sum(exp(x))`` over the channels."""
    return tf.nn.softmax(inputs[0], axis=3)


def lrn(layer: Message, inputs: list[Tensor], weight: Weight) -> Tensor:
    """``x / (k + alpha / n * sum(x²))^beta`` over a window of `n` neighbouring channels.

    The window is centred; of an even `n` the longer half lies before the channel.
    """
    params, x = layer.lrn, inputs[0]
    size, channels = int(params.localSize), int(x.shape[3])
    # Channels further away than there are any add nothing.
    before, after = min(size // 2, channels - 1), min((size - 1) // 2, channels - 1)
    squares = tf.pad(tf.square(x), [(0, 0), (0, 0), (0, 0), (before, after)])
    total = tf.add_n([squares[..., i : i + channels] for i in range(before + after + 1)])
    return x * tf.pow((params.k or 1.0) + params.alpha / size * total, -params.beta)
