"""What an update changes: the layers that learn, the loss, and where the gradient ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from converter.coreml import mlmodel
from converter.coreml.kinds import facts, kind_of, learning_weights
from converter.coreml.mlmodel import Message, layer_params
from converter.coreml.subject import loss_of
from converter.errors import TrainingError
from converter.runtime import network


@dataclass(frozen=True)
class Parameter:
    """One ``WeightParams`` that learns: ``field`` of ``layer``."""

    layer: Message
    field: str

    @property
    def key(self) -> tuple[str, str]:
        """The name of the layer and the field."""
        return self.layer.name, self.field

    @property
    def stored(self) -> Message:
        """The ``WeightParams`` in the model."""
        params: Message = getattr(layer_params(self.layer), self.field)
        return params


@dataclass(frozen=True)
class Plan:
    """How one update runs.

    Attributes:
        loss: `CROSS_ENTROPY` or `SQUARED_ERROR`.
        loss_blob: what the loss is computed from: the logits before the softmax, or the prediction.
        output_blob: what the model says the loss is computed from: the softmax, or the prediction.
        target: name of the training input with the true values.
        frozen: layers below the lowest that learns; their results never change.
        learning: the layers between the `features` and `loss_blob`.
        features: blobs at the border: made by `frozen` or given, read by `learning`.
        parameters: what learns, in the order of the layers.
    """

    loss: str
    loss_blob: str
    output_blob: str
    target: str
    frozen: Sequence[Message]
    learning: Sequence[Message]
    features: Sequence[str]
    parameters: Sequence[Parameter]


def plan(model: Message) -> Plan:
    """Return how `model` is updated.

    Raises:
        TrainingError: the model is not updatable, or not in a way that Core ML would accept.
        ModelFileError: the network cannot be run here.
    """
    net = _updatable_network(model)
    loss = loss_of(net)
    loss_blob = logits(net, loss.input) if loss.is_classification else loss.input
    given = {feature.name for feature in model.description.input}
    layers = network.layers_between(net.layers, given, [loss_blob])
    learning = _behind_weights(layers)
    if not any(layer.isUpdatable for layer in layers):
        raise TrainingError("no layer between the inputs and the loss is updatable; nothing learns")
    made = {name for layer in learning for name in layer.output}
    used = dict.fromkeys(name for layer in learning for name in layer.input if name not in made)
    frozen = network.layers_between(net.layers, given, used)
    parameters = [p for layer in learning if layer.isUpdatable for p in _parameters(layer)]
    return Plan(
        loss.kind, loss_blob, loss.input, loss.target, frozen, learning, list(used), parameters
    )  # fmt: skip


def _updatable_network(model: Message) -> Message:
    if mlmodel.pipeline(model) is not None:
        raise TrainingError("the model is a pipeline; the reference runtime trains single networks")
    net = network.checked_network(model)
    if not model.isUpdatable:
        raise TrainingError("the model is not updatable; convert it with make-updatable")
    return net


def logits(net: Message, probabilities: str) -> str:
    """Return the blob before the softmax: cross-entropy is computed from it, which is stabler."""
    for layer in net.layers:
        if probabilities in layer.output and layer.WhichOneof("layer") == "softmax":
            return str(layer.input[0])
    raise TrainingError(
        f"cross-entropy needs the output of a softmax layer, which '{probabilities}' is not"
    )


def _behind_weights(layers: Sequence[Message]) -> list[Message]:
    """Return the layers whose results change when the updatable ones learn, themselves included."""
    moving: set[str] = set()
    found = []
    for layer in layers:
        if layer.isUpdatable or moving.intersection(layer.input):
            moving.update(layer.output)
            found.append(layer)
    return found


def _parameters(layer: Message) -> Iterator[Parameter]:
    if not facts(layer).learns:
        raise TrainingError(
            f"layer '{layer.name}': Core ML cannot update layers of kind {kind_of(layer)}"
        )
    for field in learning_weights(layer):
        stored = getattr(layer_params(layer), field)
        if not stored.isUpdatable:
            raise TrainingError(f"layer '{layer.name}': is updatable, but its {field} is not")
        if not stored.floatValue:
            raise TrainingError(
                f"layer '{layer.name}': its {field} is not stored in 32-bit floats, "
                "which Core ML needs to update it"
            )
        yield Parameter(layer, field)
