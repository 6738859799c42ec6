"""What an update costs, from the shapes in a model alone: multiply-adds and memory.

Counted are the layers that multiply by weights, convolutions and inner products; what others do is
little beside it. What Core ML itself allocates is not documented, and nothing is claimed of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from converter.coreml import shapes
from converter.coreml.gradient import Gradient
from converter.coreml.kinds import kind_of, learning_weights
from converter.coreml.mlmodel import Message
from converter.coreml.shapes import Shape
from converter.coreml.subject import subject

NUMBER = 4
"""Bytes of a number while a model computes and learns: float32."""

KEEP_OUTPUT = ("ReLU", "sigmoid", "tanh", "softmax")
"""Layers whose gradient is a function of what they gave."""


@dataclass(frozen=True)
class Arithmetic:
    """Multiply-adds for one sample: `forward` through all layers, `backward` as far as needed."""

    forward: int
    backward: int

    @property
    def total(self) -> int:
        """Those of one sample in a step of an update."""
        return self.forward + self.backward


class Cost:
    """What a step of an update costs of the updatable network `model`, marked, perhaps unfilled."""

    def __init__(self, model: Message) -> None:
        found = subject(model)
        self._layers = list(found.net.layers)
        self._shapes = shapes.blob_shapes(found.member)
        loss = found.loss
        self._gradient = Gradient(self._layers, loss.input, loss.is_classification)

    def arithmetic(self) -> Arithmetic:
        """Return the multiply-adds for a sample.

        Backward, a layer that learns takes as many again for the gradient of its weights, and a
        layer above one that learns as many for the gradient of its input.
        """
        each = [self._multiply_adds(layer) for layer in self._layers]
        learning = (
            index
            for index in self._gradient.reaching_loss
            if self._layers[index].isUpdatable and learning_weights(self._layers[index])
        )
        backward = sum(each[index] for index in (*learning, *self._gradient.path))
        return Arithmetic(sum(each), backward)

    def activations(self) -> int:
        """Return how many numbers of one sample are kept between the two ways.

        That is what the gradients are functions of: the inputs of layers that learn, the outputs of
        nonlinearities, both of a maximum. What `flatten` gives is its input, and counts once.
        """
        kept = set(self._kept())
        return sum(math.prod(size or 0 for size in self._shapes[name] or ()) for name in kept)

    def _multiply_adds(self, layer: Message) -> int:
        kind = layer.WhichOneof("layer")
        if kind == "innerProduct":
            params = layer.innerProduct
            places = self._volume(layer.output[0]) // max(1, params.outputChannels)
            return int(params.inputChannels * params.outputChannels * places)
        if kind == "convolution":
            params = layer.convolution
            # A transposed one multiplies every value of its input by the kernel.
            moved = layer.input[0] if params.isDeconvolution else layer.output[0]
            groups = max(1, params.nGroups)
            others = (
                params.outputChannels // groups if params.isDeconvolution else params.kernelChannels
            )
            return int(self._volume(moved) * others * math.prod(params.kernelSize))
        return 0

    def _kept(self) -> Iterator[str]:
        path = set(self._gradient.path)
        for index in self._gradient.reaching_loss:
            layer = self._layers[index]
            if layer.isUpdatable:
                yield self._origin(layer.input[0])
            if index not in path:
                continue
            if kind_of(layer) in KEEP_OUTPUT:
                yield self._origin(layer.output[0])
            elif layer.WhichOneof("layer") == "pooling" and _is_maximum(layer):
                yield self._origin(layer.input[0])
                yield self._origin(layer.output[0])

    def _origin(self, name: str) -> str:
        """Return the blob whose numbers `name` has in the same order: flatten moves none."""
        maker = self._gradient.maker.get(name)
        if maker is None or self._layers[maker].WhichOneof("layer") != "flatten":
            return name
        return self._origin(self._layers[maker].input[0])

    def _volume(self, name: str) -> int:
        shape: Shape = self._shapes.get(name) or ()
        return math.prod(size or 0 for size in shape) if shape else 0


def _is_maximum(layer: Message) -> bool:
    return bool(layer.pooling.type == layer.pooling.MAX)
