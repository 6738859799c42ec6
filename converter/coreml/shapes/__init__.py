"""The shape of every blob of a network, from the model file alone.

    shapes = blob_shapes(mlmodel.read(path))
    shapes["dense_5"]        # (84, 1, 1)

A shape is a tuple of sizes, None for a size that the file leaves open, and None altogether where
even the rank is unknown (custom layers, layers whose output depends on the data).

Networks in Core ML's classic form, the only one that can be updated safely, have rank 5 blobs
(sequence, batch, channel, height, width); their shapes are given as (C, H, W). In networks with
exact shapes (``EXACT_ARRAY_MAPPING``, or any layer younger than iOS 12) a shape has all axes.
"""

from __future__ import annotations

from converter.coreml import mlmodel
from converter.coreml.features import channels
from converter.coreml.mlmodel import Message
from converter.coreml.shapes.classic import CLASSIC
from converter.coreml.shapes.context import (
    Context,
    Mismatch,
    Shape,
    ShapeRule,
    bounded,
    describe,
    volume,
)

__all__ = [
    "Inference",
    "Mismatch",
    "Shape",
    "blob_shapes",
    "declared_shape",
    "describe",
    "infer",
    "is_exact",
    "is_ios12_layer",
    "volume",
]


class Inference:
    """What is known of the blobs of one network, and which layers do not fit theirs."""

    def __init__(self) -> None:
        self.shapes: dict[str, Shape | None] = {}
        self.mismatches: list[Mismatch] = []


def blob_shapes(model: Message) -> dict[str, Shape | None]:
    """Return the shape of every blob of the network inside `model`, model inputs included.

    An empty dict for other kinds of model. The head of this file tells what a shape looks like.
    """
    return infer(model).shapes


def infer(model: Message) -> Inference:
    """Infer all shapes of the network inside `model`, in one pass over its layers.

    Never raises because of the model: what does not fit is recorded, and the walk goes on with
    what the layer itself declares. Blobs made inside branches and loops are not followed.
    """
    found, net = Inference(), mlmodel.network(model)
    if net is None:
        return found
    exact = is_exact(net)
    for feature in model.description.input:
        found.shapes[feature.name] = bounded(_input_shape(feature.type, net, exact))
    for layer in net.layers:
        inputs = [found.shapes.get(name) for name in layer.input]
        outputs = _outputs(layer, inputs, found.mismatches, exact)
        for name, shape in zip(layer.output, outputs, strict=False):
            found.shapes[name] = bounded(shape)
    return found


def _outputs(
    layer: Message, inputs: list[Shape | None], mismatches: list[Mismatch], exact: bool
) -> list[Shape | None]:
    unknown: list[Shape | None] = [None] * len(layer.output)
    kind = layer.WhichOneof("layer")
    rule = _rule_of(kind)
    if rule is None or not layer.output:
        return unknown
    context = Context(layer, getattr(layer, kind), mismatches, exact)
    try:
        outputs = rule(context, inputs)
    except (IndexError, ValueError, ZeroDivisionError):
        return unknown  # parameters or inputs are missing: rules of their own say so
    return outputs + unknown[len(outputs) :]


def _rule_of(kind: str | None) -> ShapeRule | None:
    """Return the function that says what the outputs of a kind of layer look like."""
    if kind is None or kind in CLASSIC:
        return CLASSIC.get(kind or "")
    from converter.coreml.shapes.tensors import TENSORS  # no updatable network needs it

    return TENSORS.get(kind)


def is_ios12_layer(layer: Message) -> bool:
    """Return whether `layer` is of the set that iOS 12 knew, before blobs of any rank.

    Source: ``isIOS12NeuralNetworkLayer`` in ``mlmodel/src/Utils.cpp`` of apple/coremltools.
    """
    kind = layer.WhichOneof("layer")
    if kind == "convolution":
        return len(layer.input) == 1
    if kind == "innerProduct":
        return not layer.innerProduct.int8DynamicQuantize
    if kind == "upsample":
        params = layer.upsample
        return params.linearUpsampleMode == 0 and not params.fractionalScalingFactor
    if kind == "reorganizeData":
        return bool(layer.reorganizeData.mode != layer.reorganizeData.PIXEL_SHUFFLE)
    return kind in CLASSIC or kind == "custom"


def is_exact(net: Message) -> bool:
    """Return whether the blobs of a network may have any rank."""
    return bool(net.arrayInputShapeMapping or net.imageInputShapeMapping) or not all(
        map(is_ios12_layer, net.layers)
    )


def declared_shape(feature: Message) -> Shape | None:
    """Return the shape that a ``FeatureType`` declares: (C, H, W) for an image, None if none."""
    kind = feature.WhichOneof("Type")
    if kind == "imageType":
        image = feature.imageType
        flexible = image.WhichOneof("SizeFlexibility") is not None
        size = (None, None) if flexible else (image.height, image.width)
        return (channels(image), *size)
    if kind != "multiArrayType":
        return None
    array = feature.multiArrayType
    flexibility = array.WhichOneof("ShapeFlexibility")
    if flexibility == "shapeRange":
        ranges = array.shapeRange.sizeRanges
        return tuple(r.lowerBound if r.lowerBound == r.upperBound else None for r in ranges)
    if flexibility == "enumeratedShapes":
        return _common([tuple(shape.shape) for shape in array.enumeratedShapes.shapes])
    return tuple(array.shape) or None


def _common(shapes: list[tuple[int, ...]]) -> Shape | None:
    """Return the sizes that are equal in all of `shapes`, None for the others."""
    if len({len(shape) for shape in shapes}) != 1:
        return None
    return tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True))


def _input_shape(feature: Message, net: Message, exact: bool) -> Shape | None:
    shape = declared_shape(feature)
    if shape is None:
        return None
    image = feature.WhichOneof("Type") == "imageType"
    if exact and (net.imageInputShapeMapping if image else net.arrayInputShapeMapping):
        return (1, *shape) if image else shape
    if len(shape) not in (1, 3):
        return None
    classic = (*shape, 1, 1) if len(shape) == 1 else shape
    return (1, 1, *classic) if exact else classic
