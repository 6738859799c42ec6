"""What an update changes: the layers that learn, the loss, and where the gradient ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from converter.coreml.keras_order import stored_shape
from converter.coreml.kinds import facts, kind_of, learning_weights
from converter.coreml.mlmodel import Message, layer_params
from converter.coreml.subject import subject
from converter.errors import TrainingError
from converter.runtime.joining import joined
from converter.runtime.network import Layer, layers_between


@dataclass(frozen=True)
class Parameter:
    """One ``WeightParams`` that learns: ``field`` of ``layer``."""

    layer: Layer
    field: str

    @property
    def key(self) -> tuple[str, str]:
        """The name of the layer and the field."""
        return self.layer.name, self.field

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values in the file."""
        return stored_shape(self.layer.message, self.field)

    @property
    def stored(self) -> Message:
        """The ``WeightParams`` in the model."""
        params: Message = getattr(layer_params(self.layer.message), self.field)
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
    frozen: Sequence[Layer]
    learning: Sequence[Layer]
    features: Sequence[str]
    parameters: Sequence[Parameter]


def plan(model: Message) -> Plan:
    """Return how `model` is updated.

    Raises:
        TrainingError: the model is not updatable, or not in a way that Core ML would accept.
        ModelFileError: the network cannot be run here.
    """
    whole = joined(model)
    loss = subject(model).loss
    output = whole.blobs.get(loss.input, loss.input)
    loss_blob = logits(whole.layers, output) if loss.is_classification else output
    layers = layers_between(whole.layers, whole.given, [loss_blob])
    updatable = [lay for lay in layers if lay.network == whole.networks and lay.message.isUpdatable]
    learning = _behind_weights(layers, updatable)
    if not updatable:
        raise TrainingError("no layer between the inputs and the loss is updatable; nothing learns")
    made = {name for layer in learning for name in layer.output}
    used = dict.fromkeys(name for layer in learning for name in layer.input if name not in made)
    frozen = layers_between(whole.layers, whole.given, used)
    parameters = [parameter for layer in updatable for parameter in _parameters(layer)]
    return Plan(
        loss.kind, loss_blob, output, loss.target, frozen, learning, list(used), parameters
    )  # fmt: skip


def logits(layers: Sequence[Layer], probabilities: str) -> str:
    """Return the blob before the softmax: cross-entropy is computed from it, which is stabler."""
    for layer in layers:
        if probabilities in layer.output and layer.kind == "softmax":
            return layer.input[0]
    raise TrainingError(
        f"cross-entropy needs the output of a softmax layer, which '{probabilities}' is not"
    )


def _behind_weights(layers: Sequence[Layer], updatable: Collection[Layer]) -> list[Layer]:
    """Return the layers whose results change when the `updatable` learn, themselves included."""
    moving: set[str] = set()
    found = []
    for layer in layers:
        if layer in updatable or moving.intersection(layer.input):
            moving.update(layer.output)
            found.append(layer)
    return found


def _parameters(layer: Layer) -> Iterator[Parameter]:
    if not facts(layer.message).learns:
        raise TrainingError(
            f"{layer}: Core ML cannot update layers of kind {kind_of(layer.message)}"
        )
    for field in learning_weights(layer.message):
        stored = getattr(layer_params(layer.message), field)
        if not stored.isUpdatable:
            raise TrainingError(f"{layer}: is updatable, but its {field} is not")
        if not stored.floatValue:
            raise TrainingError(
                f"{layer}: its {field} is not stored in 32-bit floats, "
                "which Core ML needs to update it"
            )
        yield Parameter(layer, field)
