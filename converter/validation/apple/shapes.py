"""Whether Apple's validator gives up at its own shape inference.

For networks of rank 5 blobs the published validator narrows the sizes of all blobs, forwards and
backwards, until nothing more can be learned. If the demands contradict each other it stops with a
result that counts as *good*: such a model is accepted, and its update rules are never looked at.
To say which of our findings are also Apple's, we have to know when that happens.

Source: ``NeuralNetworkShaper`` in ``NeuralNetworkShapes.cpp``, apple/coremltools. What the sizes
really are is the business of `converter.coreml.shapes`.
"""

from __future__ import annotations

from collections.abc import Sequence

from converter.coreml.features import channels
from converter.coreml.mlmodel import Message
from converter.validation.apple.intervals import Blob, C, Empty, H, Interval, W, interval
from converter.validation.apple.layers import DEMANDS

MOST_STEPS = 1_000_000
"""Layers looked at before the inference is taken to succeed; ten passes over 50,000 layers."""

MOST_COLORED = 10**8
"""Bits that may be spent on knowing which inputs a blob depends on."""


def failure(description: Message, layers: Sequence[Message]) -> str | None:
    """Return why Apple's shape inference fails on a network, or None if it succeeds."""
    try:
        _Shaper(description, layers).run()
    except Empty as reason:
        return str(reason)
    except IndexError:
        return "a layer lacks an input, an output or a parameter"
    return None


class _Shaper:
    def __init__(self, description: Message, layers: Sequence[Message]) -> None:
        self.description = description
        self.layers = list(layers)
        self.blobs: dict[str, Blob] = {}
        self.colors: dict[str, int] = {}
        """Blob -> bit set of the model inputs that it is connected with."""

    def blob(self, name: str) -> Blob:
        return self.blobs.setdefault(name, Blob())

    def run(self) -> None:
        inputs = self.description.input
        for index, feature in enumerate(inputs):
            _declare(self.blob(feature.name), feature.type)
            self.colors[feature.name] = self.colors.get(feature.name, 0) | 1 << index
        everything = (1 << len(inputs)) - 1
        colored = len(inputs) * len(self.layers) <= MOST_COLORED
        steps = 0
        while steps < MOST_STEPS:
            steps += 2 * len(self.layers)
            sizes_before, colors_before = Blob.changes, dict(self.colors)
            self._pass(self.layers, colored, forwards=True)
            self._pass(self.layers[::-1], colored, forwards=False)
            if Blob.changes == sizes_before:
                break  # a further pass would do the same, and nothing
            if colored and (
                all(color == everything for color in self.colors.values())
                or self.colors == colors_before
            ):
                break
        self._declare_outputs()

    def _pass(self, layers: list[Message], colored: bool, forwards: bool) -> None:
        for layer in layers:
            if colored:
                givers, takers = layer.input, layer.output
                self._spread(*(givers, takers) if forwards else (takers, givers))
            demand = DEMANDS.get(layer.WhichOneof("layer"))
            if demand is None:
                raise Empty("a layer that the inference does not know")
            demand(layer, self.blob)

    def _spread(self, givers: Sequence[str], takers: Sequence[str]) -> None:
        color = 0
        for name in givers:
            color |= self.colors.setdefault(name, 0)
            for taker in takers:
                self.colors[taker] = self.colors.get(taker, 0) | color

    def _declare_outputs(self) -> None:
        description = self.description
        labels = (description.predictedProbabilitiesName, description.predictedFeatureName)
        for feature in description.output:
            blob = self.blobs.get(feature.name)
            if blob is None or feature.name in labels:
                continue
            if feature.type.WhichOneof("Type") == "imageType":
                image = feature.type.imageType
                sizes = [channels(image), image.height, image.width]
            else:
                sizes = list(feature.type.multiArrayType.shape)
                if len(sizes) == 1:
                    sizes += [1, 1]
                elif len(sizes) != 3:
                    continue
            for axis, size in zip((C, H, W), sizes, strict=True):
                blob.fix(axis, size)


def _range(limits: Message) -> Interval:
    return limits.lowerBound, None if limits.upperBound < 0 else limits.upperBound


def _span(sizes: Sequence[int]) -> Interval:
    if not sizes:
        raise Empty("a list of no sizes")
    return interval(min(sizes), max(sizes))


def _declare(blob: Blob, kind: Message) -> None:
    """Demand of an input what its description says."""
    if kind.WhichOneof("Type") == "imageType":
        image = kind.imageType
        blob.fix(C, channels(image))
        flexibility = image.WhichOneof("SizeFlexibility")
        if flexibility == "enumeratedSizes":
            sizes = image.enumeratedSizes.sizes
            blob.narrow(W, _span([size.width for size in sizes]))
            blob.narrow(H, _span([size.height for size in sizes]))
        elif flexibility == "imageSizeRange":
            blob.narrow(W, _range(image.imageSizeRange.widthRange))
            blob.narrow(H, _range(image.imageSizeRange.heightRange))
        else:
            blob.fix(H, image.height)
            blob.fix(W, image.width)
    elif kind.WhichOneof("Type") == "multiArrayType":
        _declare_array(blob, kind.multiArrayType)
    else:
        raise Empty("an input that is neither an image nor an array")


def _declare_array(blob: Blob, array: Message) -> None:
    flexibility = array.WhichOneof("ShapeFlexibility")
    spans: list[Interval] = []
    if flexibility == "enumeratedShapes":
        shapes = [list(shape.shape) for shape in array.enumeratedShapes.shapes]
        for axis in range(max(map(len, shapes), default=0)):
            spans.append(_span([shape[axis] for shape in shapes if axis < len(shape)]))
    elif flexibility == "shapeRange":
        spans = [_range(limits) for limits in array.shapeRange.sizeRanges]
    if not spans:
        blob.fix(C, array.shape[0])
        height, width = array.shape[1:3] if len(array.shape) == 3 else (1, 1)
        blob.fix(H, height)
        blob.fix(W, width)
    elif len(spans) in (1, 3):
        for axis, span in zip((C, H, W), spans, strict=False):
            blob.narrow(axis, span)
    else:
        raise Empty("an input with neither one nor three axes")
