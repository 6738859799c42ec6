"""Why a layer of a Core ML network learns or does not, and how the gradient goes."""

from __future__ import annotations

from functools import cached_property

from converter.coreml.gradient import Gradient
from converter.coreml.kinds import facts, kind_of, stored_weights
from converter.coreml.mlmodel import Message
from converter.coreml.subject import only_loss


class Learning:
    """One network, seen from its loss. Layers are meant by index."""

    def __init__(self, spec: Message, net: Message, last: bool) -> None:
        """`last`: it is no member of a pipeline, or the last one."""
        self.layers = list(net.layers)
        self.last = last
        self.is_updatable = bool(spec.isUpdatable) and last
        self.loss = only_loss(net) if last else None
        loss = self.loss
        self.gradient = Gradient(
            self.layers, loss.input if loss else "", loss.is_classification if loss else False
        )

    @cached_property
    def carriers(self) -> set[int]:
        """The layers that a gradient reaches: those that learn, and all between them and the loss.

        None beyond a layer that learns, for nothing there uses it.
        """
        gradient = self.gradient
        learning = {i for i in gradient.reaching_loss if self.layers[i].isUpdatable}
        return learning | set(gradient.path) if self.is_updatable else set()

    @cached_property
    def path(self) -> set[int]:
        """The layers that the gradient passes on its way to one before them."""
        return set(self.gradient.path) if self.is_updatable else set()

    @cached_property
    def ends(self) -> set[int]:
        """The layers at which the gradient ends, since nothing before them learns."""
        return self.carriers - self.path

    @cached_property
    def blocking(self) -> set[int]:
        """The layers that would have to pass the gradient on, and do not."""
        return set(self.gradient.obstacles()) if self.is_updatable else set()

    @cached_property
    def _blockers(self) -> dict[int, int | None]:
        return self.gradient.blockers()

    def way(self, index: int) -> str:
        """Return how the gradient meets a layer; "" if there is none."""
        if index in self.blocking:
            return "would have to pass here, but this kind of layer does not carry it"
        if index in self.path:
            return "passes on its way to layers before that learn"
        return "ends here: nothing before it learns" if index in self.ends else ""

    def reason(self, index: int) -> str:
        """Return in a sentence why a layer learns or does not."""
        layer = self.layers[index]
        if not any(True for _ in stored_weights(layer)):
            return "has no weights, so there is nothing to learn"
        if layer.isUpdatable:
            return "learns" if index in self.carriers else f"is marked, but {self._why_not(index)}"
        return f"is frozen: {self._why_not(index)}"

    def _why_not(self, index: int) -> str:
        layer = self.layers[index]
        if not self.last:
            return "only the last model of a pipeline may learn"
        if not facts(layer).learns:
            return "Core ML updates convolutions and dense layers only"
        if layer.convolution.isDeconvolution:
            return "a transposed convolution is not known to learn on any device"
        if any(_is_small(params) for params in stored_weights(layer)):
            return "only weights stored as float32 learn"
        if self.loss is None:
            return "the network has no loss to learn by"
        if index not in self.gradient.reaching_loss:
            return "it does not contribute to what the loss reads"
        blocker = self._blockers.get(index)
        if blocker is not None:
            between = self.layers[blocker]
            return (
                f"the gradient does not reach it; '{between.name}' ({kind_of(between)}) "
                "stands between it and the loss"
            )
        if not self.is_updatable:
            return "the model is not updatable"
        return "the file does not mark it as one that learns, though a gradient could reach it"


def _is_small(params: Message) -> bool:
    """Whether weights are stored as something smaller than float32."""
    return bool(params.float16Value or params.rawValue or params.int8RawValue)
