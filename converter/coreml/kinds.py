"""What is known of each kind of layer: what of it learns, and whether a gradient passes it.

How a kind computes its shape, what Apple's validator demands of it, how TensorFlow runs it and what
it is made from stand in `coreml.shapes`, `validation.apple`, `runtime.layers` and `lower.emit`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from converter.coreml.mlmodel import Message, layer_params


@dataclass(frozen=True)
class Kind:
    """Facts of one kind of layer.

    Attributes:
        markable: Apple's validator lets it carry ``isUpdatable``.
        learns: its ``WeightParams`` that an update is known to change.
        passes: a gradient passes it by Apple's validator.
        passes_on_device: devices are known to carry a gradient through it.
    """

    markable: bool = False
    learns: tuple[str, ...] = ()
    passes: bool = False
    passes_on_device: bool = False


LAYERS = {
    "convolution": Kind(True, ("weights", "bias"), passes=True, passes_on_device=True),
    "innerProduct": Kind(True, ("weights", "bias"), passes=True, passes_on_device=True),
    "uniDirectionalLSTM": Kind(True, (), passes=True),
    "batchnorm": Kind(passes=True),
    "flatten": Kind(passes=True, passes_on_device=True),
    "pooling": Kind(passes=True, passes_on_device=True),
}
"""Layer -> what is known of it; a layer that is not named learns nothing and stops the gradient.

Sources: ``isLayerSupportedForBackprop`` and ``isTrainable`` of Apple's validator,
``UpdatableNeuralNetworkValidator.cpp``. Networks with an LSTM fail when they are trained
(https://github.com/apple/coremltools/issues/2074), those with a batch norm on the way of the
gradient do not compile (https://github.com/apple/coremltools/issues/492).
"""

ACTIVATIONS = dict.fromkeys(("ReLU", "sigmoid", "tanh"), Kind(passes=True, passes_on_device=True))
"""The same for the nonlinearity of an ``activation`` layer."""

PARAMETER_KEYS = {"weights": "weights", "biases": "bias"}
"""``MLParameterKey`` -> the ``WeightParams`` that it names."""

_NOTHING = Kind()


def facts(layer: Message) -> Kind:
    """Return what is known of the kind of `layer`."""
    kind = layer.WhichOneof("layer")
    if kind == "activation":
        return ACTIVATIONS.get(layer.activation.WhichOneof("NonlinearityType"), _NOTHING)
    return LAYERS.get(kind, _NOTHING)


def kind_of(layer: Message) -> str:
    """Return the kind of `layer` as the format spells it, of an activation its nonlinearity.

    ``none`` where the file does not say.
    """
    kind = layer.WhichOneof("layer")
    if kind == "activation":
        kind = layer.activation.WhichOneof("NonlinearityType") or kind
    return kind or "none"


def learning_weights(layer: Message) -> tuple[str, ...]:
    """Return the ``WeightParams`` of `layer` that can learn; a bias only where there is one."""
    found = facts(layer).learns
    if "bias" in found and not layer_params(layer).hasBias:
        return tuple(field for field in found if field != "bias")
    return found


def stored_weights(layer: Message) -> Iterator[Message]:
    """Yield the weights of `layer`, each a ``WeightParams``."""
    if layer.WhichOneof("layer") is None:
        return
    for field, value in layer_params(layer).ListFields():
        if field.message_type is not None and field.message_type.name == "WeightParams":
            yield from (value,) if hasattr(value, "ListFields") else value  # custom: any number
