"""How the loss of a network depends on its layers: what a gradient has to pass on its way back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property

from converter.coreml.kinds import facts
from converter.coreml.mlmodel import Message


class Gradient:
    """The layers of a network as a graph, seen from its loss. Layers are meant by index."""

    def __init__(self, layers: Sequence[Message], loss_input: str, crossentropy: bool) -> None:
        """`layers` in file order; `loss_input` is the blob that the loss reads, "" without a loss.

        `crossentropy`: the loss is categorical cross-entropy, so that a softmax may feed it.
        """
        self.layers = layers
        self.loss_input = loss_input
        self.crossentropy = crossentropy

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
    def head(self) -> int | None:
        """The layer whose output the loss reads."""
        return self.maker.get(self.loss_input)

    def _feeds_crossentropy(self, index: int) -> bool:
        is_softmax = self.layers[index].WhichOneof("layer") == "softmax"
        return self.crossentropy and is_softmax and index == self.head

    def _passes_on_device(self, index: int) -> bool:
        layer = self.layers[index]
        if layer.convolution.isDeconvolution:
            return False
        return facts(layer).passes_on_device or self._feeds_crossentropy(index)

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
            if not facts(layer).passes and not (at_loss and self._feeds_crossentropy(index)):
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
            if not facts(self.layers[index]).passes and not self._feeds_crossentropy(index):
                yield index

    def blockers(self) -> dict[int, int | None]:
        """Return, for each layer that the loss depends on, what stops its gradient on a device.

        That is the layer nearest to the loss through which devices are not known to carry a
        gradient, on whichever path; None if there is none. The layers must stand in the order in
        which they run.
        """
        found: dict[int, int | None] = {}
        behind: dict[int, list[int | None]] = {} if self.head is None else {self.head: [None]}
        for index in sorted(self.reaching_loss, reverse=True):
            found[index] = next((b for b in behind[index] if b is not None), None)
            beyond = found[index]
            if beyond is None and not self._passes_on_device(index):
                beyond = index
            for parent in self.parents(index):
                behind.setdefault(parent, []).append(beyond)
        return found

    def updatable(self) -> Iterator[Message]:
        """Yield the layers that are marked updatable."""
        return (layer for layer in self.layers if layer.isUpdatable)
