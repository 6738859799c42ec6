"""The graph of a Keras model: the dense layer that it ends in, and the same model with another end.

Keras has no public way from an output back to the layers that made it; `tests/backend` says what is
relied on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from converter.backend.keras import layers_inside
from converter.backend.tensorflow import arranged, keras


@dataclass(frozen=True)
class DenseEnd:
    """The last dense layer of a graph, and what stands `behind` it: the output's layer first."""

    dense: Any
    behind: tuple[Any, ...]


class NoDenseEndError(Exception):
    """No dense layer is reached from the output: `layer` is in the way."""

    def __init__(self, layer: Any) -> None:
        super().__init__(layer)
        self.layer = layer


def dense_end(model: Any, index: int, passes: Callable[[Any], bool]) -> DenseEnd:
    """Return the dense layer from which output number `index` of `model` comes.

    `passes` tells of a layer behind it whether it may stand there.

    Raises:
        NoDenseEndError: something else is reached first.
    """
    behind: list[Any] = []
    for layer in _way_back(model, index):
        if _is_dense(layer):
            return DenseEnd(layer, tuple(behind))
        if not passes(layer):
            raise NoDenseEndError(layer)
        behind.append(layer)
    raise NoDenseEndError(behind[-1] if behind else model)


def _way_back(model: Any, index: int) -> Iterator[Any]:
    """Yield the layers from an output back, into nested models, as long as each has one input."""
    tensors = [model.outputs[index]]
    while len(tensors) == 1:
        layer, node, place = tensors[0]._keras_history
        if _is_model(layer):
            yield from _way_back(layer, place)
            return  # what stands before it is not looked for
        yield layer
        tensors = layer._inbound_nodes[node].input_tensors


def with_end(model: Any, index: int, end: Callable[[Any], Any]) -> Any:
    """Return a model whose only output is what `end` makes of the last dense layer's input.

    All layers before that are those of `model`, which stays as it is: its graph forgets the layers
    that were added to it. Nested models around the dense layer are replaced by like ones.
    """
    output = _ended(model.outputs[index], end)
    return keras.Model(arranged(model, model.inputs), output, name=model.name)


def _ended(tensor: Any, end: Callable[[Any], Any]) -> Any:
    layer, number, place = tensor._keras_history
    node = layer._inbound_nodes[number]
    if _is_model(layer):
        inner = with_end(layer, place, end)
        made = inner(*node.arguments.args, **node.arguments.kwargs)
        forget_last_call(inner)
        return made
    (before,) = node.input_tensors
    return end(before) if _is_dense(layer) else _ended(before, end)


def forget_last_call(layer: Any) -> None:
    """Let the layers that `layer` was called on last not remember it."""
    node = layer._inbound_nodes[-1]
    for tensor in node.input_tensors:
        tensor._keras_history.operation._outbound_nodes.remove(node)


def maker(tensor: Any) -> Any:
    """Return the layer that made `tensor` of a graph, an ``InputLayer`` for an input."""
    return tensor._keras_history.operation


def made_from(tensor: Any) -> list[Any]:
    """Return the tensors of the graph from which `tensor` was made, none for an input."""
    layer, node, _ = tensor._keras_history
    found: list[Any] = layer._inbound_nodes[node].input_tensors
    return found


def sources(model: Any) -> dict[int, list[Any]]:
    """Return for each layer or function in the graph of `model`, by its ``id``, what it reads.

    That are layers and functions, too, in the order of the inputs, over all places where a shared
    one is used. Nested models are gone into: an input layer in one reads what the model is given.
    """
    found: dict[int, dict[int, Any]] = {}
    seen: set[int] = set()
    todo = list(model.outputs)
    while todo:
        tensor = todo.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        layer, _, place = tensor._keras_history
        read = made_from(tensor)
        todo += read
        if _is_model(layer):
            todo.append(layer.outputs[place])
            pairs = [(maker(inner), outer) for inner, outer in zip(layer.inputs, read, strict=True)]
        else:
            pairs = [(layer, outer) for outer in read]
        for reader, outer in pairs:
            source = _leaf(outer)
            found.setdefault(id(reader), {})[id(source)] = source
    return {reader: list(read.values()) for reader, read in found.items()}


def _leaf(tensor: Any) -> Any:
    """Return the layer that made `tensor`, in a nested model the one inside."""
    layer, _, place = tensor._keras_history
    return _leaf(layer.outputs[place]) if _is_model(layer) else layer


def holds(model: Any, layer: Any) -> bool:
    """Return whether `layer` is one of those inside `model`."""
    return any(each is layer for each in layers_inside(model))


def _is_dense(layer: Any) -> bool:
    return type(layer) is keras.layers.Dense  # a class of one's own may compute something else


def _is_model(layer: Any) -> bool:
    return bool(getattr(layer, "outputs", None))
