"""The arrays of a SavedModel: which of a checkpoint each variable of its graph has."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from converter.backend.tensorflow import tf
from converter.errors import KerasFileError
from converter.keras_file.checkpoint import VARIABLES, Checkpoint, prefix_of
from converter.keras_file.objects import Node, described
from converter.loading.saved_graph.flat import Graph
from converter.loading.saved_graph.harmless import FOLLOWED
from converter.loading.saved_graph.message import Message

LISTS = (
    "_all_variables", "keras_api", "non_trainable_variables", "regularization_losses", "signatures",
    "trainable_variables", "variables", "weights",
)  # fmt: skip
"""Attributes that list what is found elsewhere under names that say more."""


@dataclass(frozen=True)
class Variable:
    """A variable of a graph: its name, and `path`, the attributes that lead to it, if known.

    `key` is where the checkpoint has its array, of `shape` and NumPy's type `dtype`. It `is_alone`
    if no other variable of the graph has this name.
    """

    name: str
    path: str
    key: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool = True
    is_alone: bool = True


def opened(folder: Path) -> Checkpoint:
    """Return the checkpoint in the folder of a SavedModel; its arrays stay on disk.

    Raises:
        KerasFileError: a file is missing or damaged.
    """
    if prefix_of(folder) != folder / VARIABLES:
        raise KerasFileError(
            "has variables, but no checkpoint with their values (variables/variables.index); "
            "copy or export the whole folder again"
        )
    return Checkpoint(folder / VARIABLES)


def variables(graph: Message, flat: Graph, checkpoint: Checkpoint) -> dict[str, Variable]:
    """Return the variables that a flat graph reads, by the names of their nodes.

    Raises:
        KerasFileError: the checkpoint has no array for one, or one of another shape or type.
    """
    objects = graph.object_graph_def
    ids = dict(_bound(graph))
    paths = _paths(objects.nodes)
    stored = described(checkpoint)
    keys = _keys(stored, paths)
    by_name = {node.full_name: node.key for node in stored if node.key}
    nodes = {node.name: node for node in graph.graph_def.node}
    found = {}
    for name in flat.variables:
        number = ids.get(name)
        if number is None:  # TensorFlow 1, or a graph whose objects were stripped
            has = nodes[name].attr
            key, path = name if name in checkpoint.entries else by_name.get(name, ""), ""
            shape, kind, label, trainable = has["shape"].shape, has["dtype"].type, name, True
        else:
            one = objects.nodes[number].variable
            key, path = keys.get(number, ""), paths.get(number, "")
            shape, kind, label, trainable = one.shape, one.dtype, one.name, one.trainable
        sizes = tuple(dim.size for dim in shape.dim)
        made = Variable(label, path, key, sizes, tf.as_dtype(kind).name, trainable)
        _check(made, checkpoint)
        found[name] = made
    names = Counter(one.name for one in found.values())
    return {node: replace(one, is_alone=names[one.name] == 1) for node, one in found.items()}


def _check(variable: Variable, checkpoint: Checkpoint) -> None:
    """Check that the checkpoint has the array of `variable`."""
    if variable.key not in checkpoint.entries:
        raise KerasFileError(
            f"its checkpoint has no array for the variable {variable.name!r}; is it that of "
            "another model? Export the whole folder again"
        )
    array = checkpoint.array(variable.key)
    if (array.shape, array.dtype) != (variable.shape, np.dtype(variable.dtype)):
        raise KerasFileError(
            f"its variable {variable.name!r} is {variable.dtype} of shape {variable.shape}, but "
            f"the checkpoint holds {array.dtype} of shape {array.shape}; is it that of another "
            "model?"
        )


def _bound(graph: Message) -> Iterator[tuple[str, int]]:
    """Yield the node of each variable that a function is bound to, and the variable's object."""
    functions = graph.object_graph_def.concrete_functions
    for node in graph.graph_def.node:
        name = node.attr["f"].func.name if node.op in FOLLOWED else ""
        if name in functions:
            numbers = functions[name].bound_inputs
            inputs = [part for part in node.input if not part.startswith("^")]
            for source, number in zip(inputs[len(inputs) - len(numbers) :], numbers, strict=True):
                if graph.object_graph_def.nodes[number].HasField("variable"):
                    yield source.split(":")[0], number


def _paths(nodes: Any) -> dict[int, str]:
    """Return the attributes that lead from the first object to each other: those that say most.

    That is the shortest way that goes through no list of variables, else the shortest.
    """
    found: dict[int, str] = {}
    for barred in (LISTS, ()):
        seen, waiting = {0}, deque([(0, "")])
        while waiting and nodes:
            number, path = waiting.popleft()
            found.setdefault(number, path)
            for child in nodes[number].children:
                if child.node_id not in seen and child.local_name not in barred:
                    seen.add(child.node_id)
                    waiting.append((child.node_id, f"{path}/{child.local_name}".lstrip("/")))
    return found


def _keys(stored: Sequence[Node], paths: Mapping[int, str]) -> dict[int, str]:
    """Return the key of the array of each object that has one, by the object's number.

    The checkpoint lists its objects for itself, `stored`; the same path leads to the same object.
    """
    found = {}
    for number, path in paths.items():
        place: int | None = 0 if stored else None
        for name in filter(None, path.split("/")):
            place = None if place is None else stored[place].children.get(name)
        if place is not None and stored[place].key:
            found[number] = stored[place].key
    return found
