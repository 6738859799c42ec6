"""The end of the network: what the output means, and the loss that Core ML can train it with.

Core ML knows two losses: categorical cross-entropy on a softmax, and mean squared error. A single
sigmoid unit is a softmax over two classes, since ``sigmoid(z) = softmax([0, z])[1]``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from converter.coreml.mlmodel import Message
from converter.errors import MakeUpdatableError, UnsupportedError, UsageError
from converter.keras_file.compiled import Loss
from converter.learning.answers import (
    Answer,
    as_it_is,
    logit_as_two,
    sigmoid_as_two,
    with_softmax,
)
from converter.learning.tail import Tail
from converter.lower.blob import Blob
from converter.lower.net import Net
from converter.recipe import LOSSES
from converter.trace.program import KerasLayer

KERAS_CROSS_ENTROPY = "categorical_crossentropy"
KERAS_BINARY = "binary_crossentropy"
KERAS_SQUARED_ERROR = "mean_squared_error"

CLASS_LOSSES = (KERAS_CROSS_ENTROPY, "sparse_categorical_crossentropy")
"""Keras losses that are Core ML's categorical cross-entropy."""

VALUE_LOSSES = (
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error",
    "huber", "log_cosh", "poisson", "cosine_similarity",
)  # fmt: skip
"""Keras losses of values, for which classes are no substitute."""

BINARY_LOSSES = (KERAS_BINARY, "binary_focal_crossentropy", "hinge", "squared_hinge")
"""Keras losses of units that each say yes or no."""


TAKEN_AS = {
    KERAS_CROSS_ENTROPY: " (takes the linear output as logits)",
    KERAS_BINARY: " (takes the linear output as a logit)",
}
"""Loss -> what asking for it means where the model ends in a linear layer."""


class UnfitLossError(Exception):
    """A loss does not fit the end of a network; `offers` are the losses that may.

    Whoever catches it tries the offers and raises `told` with what came of that.
    """

    def __init__(
        self,
        message: str,
        offers: Sequence[str],
        kind: type[MakeUpdatableError] = UnsupportedError,
    ) -> None:
        super().__init__(message)
        self.offers, self.kind = offers, kind

    def told(self, fitting: Sequence[str], tail: Tail) -> MakeUpdatableError:
        """Return the error for the user, to whom the losses `fitting` can be advised."""
        if not fitting:
            return self.kind(f"{self}; nor can it learn by another loss of Core ML")
        as_logits = TAKEN_AS if tail.bend is None else {}
        listed = " or ".join(f"--loss {name}{as_logits.get(name, '')}" for name in fitting)
        return self.kind(f"{self}; choose what the device shall minimise: {listed}")


@dataclass(frozen=True)
class Head:
    """The end of the network after `attach`.

    `expected` turns Keras's answer into what the Core ML model predicts; `note` says so where
    that is not the same. `binary` is the layer whose single unit became two, and whose difference
    therefore learns twice as fast.
    """

    loss: str
    blob: Blob
    expected: Callable[[Answer], Answer] = as_it_is
    binary: KerasLayer | None = None
    note: str = ""


def asked(name: str) -> Loss:
    """Return the loss `name` as a user asks for it: a linear output is logits then, others not."""
    return Loss(name, {"from_logits": None})


def attach(net: Net, blob: Blob, loss: Loss | None, tail: Tail) -> Head:
    """Bring the network that ends in `blob` to a loss of Core ML.

    `loss` is the one the Keras model was compiled with, or the one the user `asked` for; None if
    neither is known. `tail` tells how the model ends.

    Raises:
        UnsupportedError: the output is one that no loss of Core ML takes.
        UnfitLossError: Core ML has no such loss, or none that fits the last layer.
    """
    if blob.chw[1:] != (1, 1):
        blob = _as_vector(net, blob, loss)
    last = _producer(net, blob)
    name = loss.name if loss else None
    if last is not None and last.WhichOneof("layer") == "softmax":
        return _softmax(blob, name)
    sigmoid = last if _is_sigmoid(last) and blob.channels == 1 else None
    if name == KERAS_BINARY or (name is None and sigmoid is not None):
        return _binary(net, blob, sigmoid, loss, tail)
    if name == KERAS_SQUARED_ERROR:
        return Head(KERAS_SQUARED_ERROR, blob)
    if loss is not None and name in CLASS_LOSSES:
        return _classes(net, blob, loss, tail)
    offers: Sequence[str] = (
        LOSSES if blob.channels == 1 else (KERAS_CROSS_ENTROPY, KERAS_SQUARED_ERROR)
    )
    if name is None:
        message = "the model does not say what it was trained to minimise"
        raise UnfitLossError(message, offers, UsageError)
    if name in VALUE_LOSSES or (name in BINARY_LOSSES and blob.channels > 1):
        offers = (KERAS_SQUARED_ERROR,)
    raise UnfitLossError(f"Core ML cannot train with the loss '{name}' of this model", offers)


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
    if blob.channels == 1:
        raise UnsupportedError(
            "the model ends in a softmax over a single unit, which is always 1, so nothing can be "
            "learned; end it with a sigmoid"
        )
    if loss == KERAS_SQUARED_ERROR:
        raise UnfitLossError(
            "the model ends in softmax, through which Core ML cannot carry back a mean squared "
            "error", (KERAS_CROSS_ENTROPY,),
        )  # fmt: skip
    if loss not in (*CLASS_LOSSES, None):
        raise UnfitLossError(
            f"Core ML cannot train a softmax with the loss '{loss}'", (KERAS_CROSS_ENTROPY,)
        )
    return Head(KERAS_CROSS_ENTROPY, blob)


def _classes(net: Net, blob: Blob, loss: Loss, tail: Tail) -> Head:
    """Append the softmax to logits: what is compiled ``from_logits=True``, or linear if asked.

    Keras takes the numbers before a sigmoid as the logits even then (``_get_logits`` in
    ``keras/src/backend/tensorflow/nn.py``), which the model does not output.
    """
    if blob.channels == 1:
        raise UnfitLossError(
            "cross-entropy over classes needs one number per class, but the model's output is a "
            "single one", (KERAS_BINARY, KERAS_SQUARED_ERROR),
        )  # fmt: skip
    from_logits = loss.config.get("from_logits", False)
    is_bent = tail.bend is not None
    if (is_bent and not from_logits) or (tail.bend and tail.bend.kind == "sigmoid"):
        raise UnfitLossError(
            "Core ML computes cross-entropy on a softmax only; the model ends not in one, but in "
            f"{tail}",
            (KERAS_SQUARED_ERROR,),
        )
    if from_logits is False:
        raise UnfitLossError(
            "the model was compiled with cross-entropy on probabilities, but its last layer is "
            f"not a softmax: it ends in {tail}",
            (KERAS_CROSS_ENTROPY, KERAS_SQUARED_ERROR),
        )
    return Head(
        KERAS_CROSS_ENTROPY, _add_softmax(net, blob), with_softmax,
        note="a softmax was appended: the output is the softmax of the Keras model's output, which "
        "is logits, and it is this softmax that was compared",
    )  # fmt: skip


def _binary(net: Net, blob: Blob, sigmoid: Message | None, loss: Loss | None, tail: Tail) -> Head:
    """Make a single unit two classes; Keras, too, computes a sigmoid's loss from its logit."""
    if blob.channels != 1:
        raise UnfitLossError(
            f"Core ML has no binary cross-entropy over {blob.channels} independent outputs",
            (KERAS_SQUARED_ERROR,),
        )
    if sigmoid is not None:
        return _two_classes(net, sigmoid, _before(sigmoid), sigmoid_as_two)
    from_logits = loss.config.get("from_logits", False) if loss else False
    if tail.bend is not None:
        raise UnfitLossError(
            f"binary cross-entropy needs a sigmoid or a logit, but the model ends in {tail}",
            (KERAS_SQUARED_ERROR,),
        )
    if from_logits is False:
        raise UnfitLossError(
            "the model was compiled with binary cross-entropy on probabilities, but it ends in "
            f"{tail}, not in a sigmoid",
            (KERAS_BINARY, KERAS_SQUARED_ERROR),
        )
    return _two_classes(net, None, blob, logit_as_two)


def _two_classes(
    net: Net, sigmoid: Message | None, logit: Blob, expected: Callable[[Answer], Answer]
) -> Head:
    """Turn one logit z into the two logits [0, z] of a softmax, dropping the sigmoid."""
    maker = net.weighted.get(logit.name)
    if maker is None or maker.outputs != 1:
        raise UnfitLossError(
            "the single output does not come straight from a dense layer, so it cannot become a "
            "softmax over two classes", (KERAS_SQUARED_ERROR,),
        )  # fmt: skip
    maker.weights = np.concatenate([np.zeros_like(maker.weights), maker.weights])
    if maker.bias is not None:
        maker.bias = np.concatenate([np.zeros_like(maker.bias), maker.bias])
    maker.params.outputChannels = 2
    if sigmoid is not None:
        net.remove(sigmoid.name)
    logits = replace(logit, chw=(2, *logit.chw[1:]))
    unit, output = ("sigmoid unit", "[1 - p, p]") if sigmoid is not None else (
        "logit z", "softmax([0, z])"
    )  # fmt: skip
    note = f"the single {unit} of '{maker.keras.name}' became a softmax over two classes, {output}"
    return Head(KERAS_CROSS_ENTROPY, _add_softmax(net, logits), expected, maker.keras, note)


def _add_softmax(net: Net, blob: Blob) -> Blob:
    name = net.free_name("softmax")
    net.builder.add_softmax(name, blob.name, name)
    return replace(blob, name=name)


def _producer(net: Net, blob: Blob) -> Message | None:
    layers = reversed(net.builder.nn_spec.layers)
    return next((layer for layer in layers if blob.name in layer.output), None)


def _is_sigmoid(layer: Message | None) -> bool:
    return (
        layer is not None
        and layer.WhichOneof("layer") == "activation"
        and layer.activation.HasField("sigmoid")
    )


def _before(layer: Message) -> Blob:
    return Blob(layer.input[0], "NC", (1, 1, 1))
