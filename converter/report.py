"""What a conversion did, for the person who reads it."""

from __future__ import annotations

from dataclasses import dataclass

from converter import shapes
from converter.mlmodel import Message, layer_params, network
from converter.training import Training


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
            layer_kind(layer),
            " × ".join(str(n) for n in found.get(layer.output[0]) or ()),
            _weights(layer),
            layer.isUpdatable,
        )
        for layer in net.layers
    )


def layer_kind(layer: Message) -> str:
    """Return the kind of a Core ML layer, an activation by its function."""
    kind: str = layer.WhichOneof("layer")
    return layer.activation.WhichOneof("NonlinearityType") if kind == "activation" else kind


def _weights(layer: Message) -> int:
    params = layer_params(layer)
    return sum(
        len(value.floatValue)
        for field, value in params.ListFields()
        if field.message_type is not None and field.message_type.name == "WeightParams"
    )


def describe_features(features: Message) -> tuple[str, ...]:
    """Return one text per feature description: its name and its type."""
    return tuple(f"{feature.name}: {_feature_type(feature.type)}" for feature in features)


def _feature_type(kind: Message) -> str:
    name = kind.WhichOneof("Type")
    if name == "multiArrayType":
        array = kind.multiArrayType
        dtype = array.ArrayDataType.Name(array.dataType).lower()
        return f"{dtype} [{', '.join(str(n) for n in array.shape)}]"
    if name == "imageType":
        image = kind.imageType
        colour = image.ColorSpace.Name(image.colorSpace).lower()
        return f"{colour} image {image.width} × {image.height}"
    return {
        "dictionaryType": "probability of each class",
        "stringType": "class label (text)",
        "int64Type": "class label (number)",
    }.get(name, str(name))
