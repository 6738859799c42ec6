"""The end of the network: what the output means, and the loss that Core ML can train it with.

Core ML knows two losses: categorical cross-entropy on a softmax, and mean squared error. A single
sigmoid unit is a softmax over two classes, since ``sigmoid(z) = softmax([0, z])[1]``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from converter.coreml.mlmodel import Message
from converter.errors import UnsupportedError, UsageError
from converter.keras_file.compiled import Loss
from converter.lower.blob import Blob
from converter.lower.net import Net
from converter.trace.program import Array, KerasLayer

KERAS_CROSS_ENTROPY = "categorical_crossentropy"
KERAS_SQUARED_ERROR = "mean_squared_error"

CLASS_LOSSES = (KERAS_CROSS_ENTROPY, "sparse_categorical_crossentropy")
"""Keras losses that are Core ML's categorical cross-entropy."""

ADVICE = (
    "choose what the device shall minimise: --loss categorical_crossentropy or mean_squared_error"
)


@dataclass(frozen=True)
class Head:
    """The end of the network after `attach`.

    `expected` turns Keras's output ``[N, ...]`` into what the Core ML model predicts. `binary` is
    the layer whose single unit became two, and whose difference therefore learns twice as fast.
    """

    loss: str
    blob: Blob
    expected: Callable[[Array], Array] = field(default=lambda y: y)
    binary: KerasLayer | None = None


def attach(net: Net, blob: Blob, loss: Loss | None) -> Head:
    """Bring the network that ends in `blob` to a loss of Core ML.

    `loss` is the one the Keras model was compiled with, or the one the user asked for; None if
    neither is known.

    Raises:
        UnsupportedError: Core ML has no such loss, or none that fits the last layer.
        UsageError: the loss must be named, because a linear output does not tell it.
    """
    if blob.chw[1:] != (1, 1):
        blob = _as_vector(net, blob, loss)
    last = _producer(net, blob)
    kind = last.WhichOneof("layer") if last else "input"
    name = loss.name if loss else None
    if last is not None and kind == "softmax":
        return _softmax(blob, name)
    if name in CLASS_LOSSES:
        return _logits(net, blob, loss)
    one_unit = blob.channels == 1
    sigmoid = kind == "activation" and last and last.activation.HasField("sigmoid")
    if last is not None and sigmoid and one_unit and name in ("binary_crossentropy", None):
        return _two_classes(net, last, _before(net, last), lambda y: np.concatenate([1 - y, y], -1))
    if name == "binary_crossentropy":
        return _binary_from_logits(net, blob, loss, one_unit)
    if name == KERAS_SQUARED_ERROR:
        return Head(KERAS_SQUARED_ERROR, blob)
    if name is None:
        raise UsageError(f"the model does not say what it was trained to minimise; {ADVICE}")
    raise UnsupportedError(f"Core ML cannot train with the loss '{name}' of this model; {ADVICE}")


def _as_vector(net: Net, blob: Blob, loss: Loss | None) -> Blob:
    """Return one number for each of several steps as a vector, for a mean squared error.

    Raises:
        UnsupportedError: several numbers a step, or an image, or a loss over each step.
    """
    shape, sizes = list(blob.shape[1:]), [n for n in blob.chw if n > 1]
    if len(sizes) == 1 and loss is not None and loss.name == KERAS_SQUARED_ERROR:
        name = net.free_name("flatten")
        net.builder.add_flatten(name, 0, blob.name, name)
        return Blob(name, "NC", (sizes[0], 1, 1))
    if len(shape) < 3:
        raise UnsupportedError(
            f"the model's output {shape} has {shape[0]} steps (positions), but Core ML learns one "
            "answer for each sample; let the model end in a vector, by Flatten or pooling before "
            "its last dense layer"
        )
    raise UnsupportedError(
        f"the model's output is an image {shape}; Core ML's training fails with image targets "
        "(coremltools issue 557), so only models that end in a vector can learn"
    )


def _softmax(blob: Blob, loss: str | None) -> Head:
    if loss == KERAS_SQUARED_ERROR:
        raise UnsupportedError(
            "the model ends in softmax, through which Core ML cannot carry back a mean squared "
            "error; use --loss categorical_crossentropy"
        )
    if loss not in (*CLASS_LOSSES, None):
        raise UnsupportedError(
            f"Core ML cannot train with the loss '{loss}' of this model; {ADVICE}"
        )
    return Head(KERAS_CROSS_ENTROPY, blob)


def _logits(net: Net, blob: Blob, loss: Loss | None) -> Head:
    """Append the softmax that ``from_logits=True`` implies."""
    if blob.channels == 1:
        raise UnsupportedError(
            f"cross-entropy needs one number per class, but the model's output is {blob.shape[1:]}"
        )
    if loss is None or not loss.config.get("from_logits"):
        raise UnsupportedError(
            "the model was compiled with cross-entropy on probabilities, but its last layer is "
            "not a softmax; say what it is: --loss categorical_crossentropy takes it as logits"
        )
    return Head(KERAS_CROSS_ENTROPY, _add_softmax(net, blob), _softmax_of)


def _softmax_of(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def _binary_from_logits(net: Net, blob: Blob, loss: Loss | None, one_unit: bool) -> Head:
    if not one_unit:
        raise UnsupportedError(
            f"Core ML has no binary cross-entropy over {blob.channels} independent outputs; "
            f"{ADVICE}"
        )

    def expected(z: Array) -> Array:
        return _softmax_of(np.concatenate([np.zeros_like(z), z], -1))

    return _two_classes(net, None, blob, expected)


def _two_classes(
    net: Net, sigmoid: Message | None, logit: Blob, expected: Callable[[Array], Array]
) -> Head:
    """Turn one logit z into the two logits [0, z] of a softmax, dropping the sigmoid."""
    maker = net.weighted.get(logit.name)
    if maker is None or maker.params.outputChannels != 1:
        raise UnsupportedError(
            "the sigmoid output does not come straight from a dense layer, so it cannot become a "
            "softmax over two classes; use --loss mean_squared_error"
        )
    maker.weights = np.concatenate([np.zeros_like(maker.weights), maker.weights])
    if maker.bias is not None:
        maker.bias = np.concatenate([np.zeros_like(maker.bias), maker.bias])
    maker.params.outputChannels = 2
    if sigmoid is not None:
        net.remove(sigmoid.name)
    logits = replace(logit, chw=(2, *logit.chw[1:]), shared=False)
    return Head(KERAS_CROSS_ENTROPY, _add_softmax(net, logits), expected, binary=maker.keras)


def _add_softmax(net: Net, blob: Blob) -> Blob:
    name = net.free_name("softmax")
    net.builder.add_softmax(name, blob.name, name)
    return replace(blob, name=name)


def _producer(net: Net, blob: Blob) -> Message | None:
    layers = reversed(net.builder.nn_spec.layers)
    return next((layer for layer in layers if blob.name in layer.output), None)


def _before(net: Net, layer: Message) -> Blob:
    return Blob(layer.input[0], "NC", (1, 1, 1))
