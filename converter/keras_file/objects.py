"""Which array of a checkpoint belongs to which layer, as the objects hung together that saved it.

TensorFlow stores with the arrays which object had which others as its attributes: the model its
layers by number, the layers their variables by name. Names of layers play no part in it.
https://github.com/tensorflow/tensorflow/blob/v2.15.0/tensorflow/core/protobuf/trackable_object_graph.proto
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from converter.errors import KerasFileError
from converter.keras_file.checkpoint import Checkpoint
from converter.keras_file.content import DAMAGED, Arrays, Group
from converter.keras_file.protobuf import fields, messages, text

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = "VARIABLE_VALUE"

LAYER = re.compile(r"layer-(\d+)")
"""A layer of a model of Keras 2, in its order."""

IN_ORDER = ("_operations", "_layers")
"""The list of all layers of a model of Keras 3."""

INNER = "_functional"
"""What a Sequential of Keras 3 is made of."""

STORED = "variables"
"""The list of all variables of a layer, in a SavedModel."""

APART = ("optimizer", "keras_api", "signatures", "metrics", "_metrics", "_compile_metrics")
"""Attributes behind which no weights of a layer stand."""


@dataclass
class Node:
    """An object: its attributes by name, as numbers of nodes, and its array if it is a variable.

    `full_name` is the name that the variable had.
    """

    children: dict[str, int] = field(default_factory=dict)
    key: str = ""
    full_name: str = ""


def arrays(prefix: Path) -> Arrays:
    """Return the arrays of the Keras model in the checkpoint at `prefix`, still on disk.

    Raises:
        KerasFileError: it is damaged, or of no Keras model.
    """
    checkpoint = Checkpoint(prefix)
    if GRAPH not in checkpoint.entries:
        raise KerasFileError(
            "is a checkpoint that does not say which array belongs to which layer, as those of "
            "TensorFlow 1 are; write the weights: model.save_weights('model.weights.h5')"
        )
    nodes = _nodes(checkpoint.text(GRAPH))
    root = Group()
    for layer in _layers(nodes, _model(nodes)):
        found = [nodes[number] for number in _variables(nodes, layer)]
        if found:
            name = found[0].full_name.rpartition("/")[0]
            held = [(node.full_name, checkpoint.array(node.key)) for node in found]
            root.children[str(len(root.children))] = Group(name, held)
    return Arrays(root, by_layer=True, in_order=True)


def described(checkpoint: Checkpoint) -> list[Node]:
    """Return the objects that saved a checkpoint, the outermost first; none if it has no word.

    Raises:
        KerasFileError: their description is damaged.
    """
    return _nodes(checkpoint.text(GRAPH)) if GRAPH in checkpoint.entries else []


def _nodes(message: memoryview) -> list[Node]:
    nodes = [_node(part) for part in messages(message, 1)]
    if not nodes or any(c >= len(nodes) for node in nodes for c in node.children.values()):
        raise KerasFileError(DAMAGED)
    return nodes


def _node(message: memoryview) -> Node:
    node = Node()
    for number, value in fields(message):
        if number == 1 and isinstance(value, memoryview):
            ids = [found for n, found in fields(value) if n == 1 and isinstance(found, int)]
            node.children[text(value, 2)] = ids[-1] if ids else 0
        elif number == 2 and isinstance(value, memoryview) and text(value, 1) == VALUE:
            node.full_name, node.key = text(value, 2), text(value, 3)
    return node


def _model(nodes: list[Node]) -> int:
    """Return the model: what was saved, or the only model among its attributes."""
    if _is_model(nodes[0]):
        return 0
    models = {number for number in nodes[0].children.values() if _is_model(nodes[number])}
    if len(models) != 1:
        count = "no Keras model" if not models else f"{len(models)} models"
        raise KerasFileError(
            f"is a checkpoint of {count}; save one: tf.train.Checkpoint(model=model)"
        )
    return models.pop()


def _is_model(node: Node) -> bool:
    return any(name in (*IN_ORDER, INNER) or LAYER.fullmatch(name) for name in node.children)


def _layers(nodes: list[Node], model: int) -> list[int]:
    """Return the layers of a model, in order."""
    numbered = {
        int(match[1]): child
        for name, child in nodes[model].children.items()
        if (match := LAYER.fullmatch(name))
    }
    if numbered:
        return [numbered[number] for number in sorted(numbered)]
    children = nodes[model].children
    if INNER in children and children[INNER] != model:
        return _layers(nodes, children[INNER])
    listed = next((children[name] for name in IN_ORDER if name in children), model)
    return _listed(nodes, listed)


def _listed(nodes: list[Node], number: int) -> list[int]:
    """Return what is in a list, in order."""
    items = nodes[number].children.items()
    return [child for _, child in sorted((int(k), child) for k, child in items if k.isdigit())]


def _variables(nodes: list[Node], layer: int) -> list[int]:
    """Return the variables of a layer, or of a model inside, each once."""
    if STORED in nodes[layer].children:
        return _listed(nodes, nodes[layer].children[STORED])
    return list(_below(nodes, layer))


def _below(nodes: list[Node], start: int) -> Iterator[int]:
    """Yield the variables at and below a node, in the order in which they became attributes."""
    seen, pending = set(), [start]
    while pending:
        number = pending.pop()
        if number in seen:
            continue
        seen.add(number)
        if nodes[number].key:
            yield number
        children = nodes[number].children.items()
        pending += [child for name, child in reversed(children) if name not in APART]
