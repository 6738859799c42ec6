"""What a conversion did, for the person who reads it."""

from __future__ import annotations

from dataclasses import dataclass

from converter.coreml import shapes
from converter.coreml.kinds import kind_of
from converter.coreml.mlmodel import Message, layer_params, network
from converter.learning.settings import Training


@dataclass(frozen=True)
class LayerRow:
    """One Core ML layer: its blob's shape as text, its number of weights, whether it learns."""

    name: str
    kind: str
    shape: str
    weights: int
    updatable: bool


@dataclass(frozen=True)
class Report:
    """A finished conversion. `parity` is relative to the range of Keras's output."""

    layers: tuple[LayerRow, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    training_inputs: tuple[str, ...]
    loss: str
    training: Training
    size: int
    parity: float | None
    notes: tuple[str, ...]


def layer_rows(model: Message) -> tuple[LayerRow, ...]:
    """Return a row for every layer of the network inside `model`."""
    found = shapes.blob_shapes(model)
    net = network(model)
    assert net is not None
    return tuple(
        LayerRow(
            layer.name,
            kind_of(layer),
            " × ".join(str(n) for n in found.get(layer.output[0]) or ()),
            _weights(layer),
            layer.isUpdatable,
        )
        for layer in net.layers
    )


def _weights(layer: Message) -> int:
    params = layer_params(layer)
    return sum(
        len(value.floatValue)
        for field, value in params.ListFields()
        if field.message_type is not None and field.message_type.name == "WeightParams"
    )
