"""The arrays of a SavedModel: which of a checkpoint each variable of its graph has."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter.backend.saved_model import TrackableObjectGraph
from converter.backend.tensorflow import tf
from converter.errors import KerasFileError
from converter.keras_file.content import DAMAGED
from converter.loading.saved_graph.flat import Graph
from converter.loading.saved_graph.harmless import FOLLOWED
from converter.loading.saved_graph.message import Message
from converter.trace.program import Array

OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""The text in a checkpoint that tells under which key each object has its array."""

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


class Checkpoint:
    """The checkpoint in the folder ``variables`` of a SavedModel; its arrays stay on disk.

    Raises:
        KerasFileError: a file is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        prefix = folder / "variables" / "variables"
        if not prefix.with_suffix(".index").is_file():
            raise KerasFileError(
                "has variables, but no checkpoint with their values (variables/variables.index); "
                "copy or export the whole folder again"
            )
        try:
            self._reader = tf.train.load_checkpoint(str(prefix))
            self.shapes: Mapping[str, list[int]] = self._reader.get_variable_to_shape_map()
            self.types: Mapping[str, Any] = self._reader.get_variable_to_dtype_map()
        except Exception as error:  # whatever TensorFlow makes of such a file
            raise _damaged() from error

    def read(self, key: str) -> Any:
        """Return the array, or the text, under `key`."""
        try:
            return self._reader.get_tensor(key)
        except Exception as error:
            raise _damaged() from error


def _damaged() -> KerasFileError:
    return KerasFileError(
        f"its checkpoint (variables/variables.index and .data) {DAMAGED}, with all its shards"
    )


def variables(graph: Message, flat: Graph, checkpoint: Checkpoint) -> dict[str, Variable]:
    """Return the variables that a flat graph reads, by the names of their nodes.

    Raises:
        KerasFileError: the checkpoint has no array for one, or one of another shape or type.
    """
    objects = graph.object_graph_def
    ids = dict(_bound(graph))
    paths = _paths(objects.nodes)
    keys = _keys(checkpoint, paths) if objects.nodes else {}
    nodes = {node.name: node for node in graph.graph_def.node}
    found = {}
    for name in flat.variables:
        number = ids.get(name)
        if number is None:  # TensorFlow 1, or a graph whose objects were stripped
            stored, key, path = nodes[name].attr, name, ""
            shape, kind, label, trainable = stored["shape"].shape, stored["dtype"].type, name, True
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
    shape = checkpoint.shapes.get(variable.key)
    if shape is None:
        raise KerasFileError(
            f"its checkpoint has no array for the variable {variable.name!r}; is it that of "
            "another model? Export the whole folder again"
        )
    kind = checkpoint.types[variable.key].name
    if (tuple(shape), kind) != (variable.shape, variable.dtype):
        raise KerasFileError(
            f"its variable {variable.name!r} is {variable.dtype} of shape {variable.shape}, but "
            f"the checkpoint holds {kind} of shape {tuple(shape)}; is it that of another model?"
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


def _keys(checkpoint: Checkpoint, paths: Mapping[int, str]) -> dict[int, str]:
    """Return the key of the array of each object that has one, by the object's number.

    The checkpoint lists its objects for itself; the same path leads to the same object.
    """
    if OBJECTS not in checkpoint.shapes:
        return {}
    stored = TrackableObjectGraph()
    try:
        stored.ParseFromString(checkpoint.read(OBJECTS))
    except Exception as error:
        raise _damaged() from error
    found = {}
    for number, path in paths.items():
        place = 0
        for name in filter(None, path.split("/")):
            children = {child.local_name: child.node_id for child in stored.nodes[place].children}
            place = children.get(name, -1)
            if place < 0:
                break
        if place > 0 and stored.nodes[place].attributes:
            found[number] = stored.nodes[place].attributes[0].checkpoint_key
    return found


def array(checkpoint: Checkpoint, variable: Variable) -> Array:
    """Return the values of `variable`.

    Raises:
        KerasFileError: the checkpoint is damaged.
    """
    found: Array = checkpoint.read(variable.key)
    return found
