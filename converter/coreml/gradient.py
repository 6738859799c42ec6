"""How the loss of an updatable network depends on its layers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cached_property

from converter.coreml.mlmodel import CROSS_ENTROPY, Message

_DIFFERENTIABLE_KINDS = frozenset(
    ["convolution", "innerProduct", "uniDirectionalLSTM", "flatten", "pooling", "batchnorm"]
)
_DIFFERENTIABLE_ACTIVATIONS = frozenset(["ReLU", "sigmoid", "tanh"])

TRAINABLE_KINDS = ("convolution", "innerProduct", "uniDirectionalLSTM")
"""The layers that Apple's validator lets carry ``isUpdatable``."""


def is_differentiable(layer: Message) -> bool:
    """Return whether Core ML can push a gradient through `layer`.

    Source: the published validator's list of layers that support back-propagation.
    """
    kind = layer.WhichOneof("layer")
    if kind == "activation":
        return layer.activation.WhichOneof("NonlinearityType") in _DIFFERENTIABLE_ACTIVATIONS
    return kind in _DIFFERENTIABLE_KINDS


class Gradient:
    """The layers of a network as a graph, seen from its loss. Layers are meant by index."""

    def __init__(self, net: Message) -> None:
        """`net` is a network of any of the three kinds; only its top level is looked at."""
        self.layers: list[Message] = list(net.layers)
        self.losses: list[Message] = list(net.updateParams.lossLayers)

    @cached_property
    def _graph(self) -> tuple[list[list[int]], dict[str, int]]:
        maker: dict[str, int] = {}
        parents = []
        for index, layer in enumerate(self.layers):
            parents.append([maker[blob] for blob in layer.input if blob in maker])
            maker.update((blob, index) for blob in layer.output)
        return parents, maker

    def parents(self, index: int) -> list[int]:
        """Return the layers that make the inputs of a layer, in the order of the inputs."""
        return self._graph[0][index]

    @property
    def maker(self) -> dict[str, int]:
        """Blob -> the layer that makes it (the last one, if there are several)."""
        return self._graph[1]

    @property
    def loss(self) -> Message | None:
        """The only loss layer, or None if there is none or more than one."""
        return self.losses[0] if len(self.losses) == 1 else None

    @property
    def loss_kind(self) -> str | None:
        """The kind of the only loss layer, None also if it has no kind."""
        return self.loss.WhichOneof("LossLayerType") if self.loss is not None else None

    @property
    def crossentropy(self) -> bool:
        """Whether the loss is categorical cross-entropy."""
        return self.loss_kind == CROSS_ENTROPY

    @property
    def loss_input(self) -> str:
        """The name of the blob that the loss reads, empty if there is no loss."""
        return getattr(self.loss, self.loss_kind).input if self.loss_kind else ""

    @property
    def target(self) -> str:
        """The name of the training input that the loss compares with, empty without a loss."""
        return getattr(self.loss, self.loss_kind).target if self.loss_kind else ""

    @property
    def head(self) -> int | None:
        """The layer whose output the loss reads."""
        return self.maker.get(self.loss_input)

    def _is_softmax_of_crossentropy(self, index: int) -> bool:
        is_softmax = self.layers[index].WhichOneof("layer") == "softmax"
        return self.crossentropy and is_softmax and index == self.head

    def apple_obstacles(self) -> Iterator[tuple[int, int]]:
        """Yield (updatable layer, layer that blocks it) exactly as Apple's validator finds them.

        It goes breadth first from the loss towards the inputs and remembers for good that it has
        met a layer without gradient; an updatable layer met after that is refused, whether or not
        the two are on one path. So the outcome depends on the order of a layer's inputs.
        """
        if self.head is None:
            return
        queue, seen, blocker = deque([self.head]), {self.head}, None
        at_loss = True
        while queue:
            index = queue.popleft()
            layer = self.layers[index]
            if layer.isUpdatable and blocker is not None:
                yield index, blocker
            if not is_differentiable(layer) and not (
                at_loss and self._is_softmax_of_crossentropy(index)
            ):
                blocker = index
            at_loss = False
            for parent in self.parents(index):
                if parent not in seen:
                    seen.add(parent)
                    queue.append(parent)

    @cached_property
    def reaching_loss(self) -> set[int]:
        """The layers from which a path leads to the loss."""
        if self.head is None:
            return set()
        found, todo = {self.head}, [self.head]
        while todo:
            for parent in self.parents(todo.pop()):
                if parent not in found:
                    found.add(parent)
                    todo.append(parent)
        return found

    @cached_property
    def path(self) -> list[int]:
        """The layers that a gradient has to pass: between an updatable layer and the loss."""
        learning: set[int] = set()
        path = []
        for index in sorted(self.reaching_loss):
            if any(parent in learning for parent in self.parents(index)):
                path.append(index)
                learning.add(index)
            elif self.layers[index].isUpdatable:
                learning.add(index)
        return path

    def obstacles(self) -> Iterator[int]:
        """Yield the layers on the path of the gradient that have none, whatever the order."""
        for index in self.path:
            passes = is_differentiable(self.layers[index])
            if not passes and not self._is_softmax_of_crossentropy(index):
                yield index

    def updatable(self) -> Iterator[Message]:
        """Yield the layers that are marked updatable."""
        return (layer for layer in self.layers if layer.isUpdatable)


def described(layer: Message) -> str:
    """Return the kind of `layer` as people say it, with the nonlinearity of an activation."""
    kind = str(layer.WhichOneof("layer") or "a layer of no kind")
    if kind == "activation":
        nonlinearity = layer.activation.WhichOneof("NonlinearityType") or "an unknown activation"
        return str(nonlinearity[0].upper() + nonlinearity[1:])
    return kind
