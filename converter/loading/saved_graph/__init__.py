"""A SavedModel without a description of its layers becomes a live Keras model, by its graph.

`message` reads what stands in the file and `flat` follows the signature through its functions, both
running nothing and refusing what is not `harmless`. `checkpoint` finds the arrays, `running` looks
at the graph for one sample, `grouping` finds its layers, and `layers` makes the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from converter.backend.tensorflow import tensor, tf
from converter.errors import KerasFileError
from converter.keras_file.inputs import fixed
from converter.loading.saved_graph.checkpoint import opened, variables
from converter.loading.saved_graph.flat import Graph, Value, flat_graph
from converter.loading.saved_graph.grouping import plans
from converter.loading.saved_graph.layers import live_model
from converter.loading.saved_graph.message import Message, chosen_signature, read_graph, signatures
from converter.loading.saved_graph.running import FLOATS, NUMBERS, Fact, looked_at

__all__ = ["load_graph"]


def load_graph(
    folder: Path,
    signature: str | None,
    input_shape: tuple[int, ...] | None,
    check: Callable[[Any], None],
) -> tuple[Any, tuple[str, ...]]:
    """Return a live Keras model of what `signature` of the SavedModel in `folder` runs, and notes.

    `input_shape`, without the batch axis, fills sizes that the signature leaves open. `check` sees
    the model before its arrays are read.

    Raises:
        KerasFileError: the folder is damaged, or its graph holds an operation that is not run.
        UsageError: it has no such signature, or several and none is named.
    """
    message = read_graph(folder)
    name = chosen_signature(message, signature)
    flat = flat_graph(message, name)
    if not flat.variables:
        raise KerasFileError(
            "its graph reads no variables, so there is nothing that could learn: its weights are "
            "frozen into constants; export the model itself, before it is frozen"
        )
    checkpoint = opened(folder)
    found = variables(message, flat, checkpoint)
    specs = _specs(flat, message.signature_def[name].inputs, input_shape)
    weights = {v: tf.TensorSpec(one.shape, one.dtype) for v, one in found.items()}
    facts = looked_at(flat, specs, weights)
    _refuse_other_floats(facts)
    flat = _varying(flat, facts)
    model, live = live_model(name, flat, plans(flat, found, facts), found, facts)
    check(model)
    for node, variable in found.items():
        array = checkpoint.array(variable.key)[()]
        live[node].assign(tensor(array.astype(variable.dtype, copy=False)))
    return model, tuple(_notes(message, name, signature))


def _specs(
    graph: Graph, inputs: Mapping[str, Message], wanted: tuple[int, ...] | None
) -> dict[str, Any]:
    """Return the specs of the inputs for one sample, by name, with all sizes known."""
    found = {}
    for name in graph.inputs:
        shape, dtype = inputs[name].tensor_shape, tf.as_dtype(inputs[name].dtype).name
        if dtype not in NUMBERS:
            raise KerasFileError(
                f"its input '{name}' is {dtype}, not numbers; export a signature that takes images "
                "or arrays of float32"
            )
        sizes = [None if dim.size < 0 else int(dim.size) for dim in shape.dim]
        if sizes and sizes[0] not in (None, 1):
            raise KerasFileError(
                f"its input '{name}' takes {sizes[0]} samples at once, no fewer and no more; "
                "export it with an open batch size"
            )
        known = fixed(None if shape.unknown_rank or not sizes else tuple(sizes), wanted)
        found[name] = tf.TensorSpec((1, *known[1:]), _taken_as(graph.inputs[name], graph, dtype))
    return found


def _taken_as(value: Value, graph: Graph, dtype: str) -> str:
    """Return the type of an input of the type `dtype`: float32 if all it does is to become that.

    Core ML knows no whole numbers, and the pixels of an image are floats there.
    """
    takers = [node for node in graph.nodes if value in node.inputs]
    is_cast = all(
        node.kind == "Cast" and tf.as_dtype(node.attributes["DstT"].type) == tf.float32
        for node in takers
    )
    return "float32" if takers and is_cast else dtype


def _refuse_other_floats(facts: Mapping[Value, Fact]) -> None:
    """Refuse a graph that computes in other floats than Core ML learns in."""
    for value, fact in facts.items():
        if fact.varies and fact.dtype in FLOATS and fact.dtype != "float32":
            raise KerasFileError(
                f"its operation {value.maker} computes in {fact.dtype}, but Core ML learns in "
                "float32 only; export the model with the policy float32"
            )


def _varying(graph: Graph, facts: Mapping[Value, Fact]) -> Graph:
    """Return `graph` with those of its outputs alone that depend on an input.

    Raises:
        KerasFileError: none does.
    """
    outputs = {name: value for name, value in graph.outputs.items() if facts[value].varies}
    if not outputs:
        raise KerasFileError("gives the same whatever its input is; export the whole model")
    return replace(graph, outputs=outputs)


def _notes(message: Message, name: str, asked: str | None) -> Iterator[str]:
    """Yield what to know of what was read."""
    every = signatures(message)
    used = every[name]
    others = [
        other
        for other, one in sorted(every.items())
        if (one.inputs.keys(), one.outputs.keys()) != (used.inputs.keys(), used.outputs.keys())
    ]
    if asked is None and others:
        yield (f"the signature '{name}' was read; --signature names another ({', '.join(others)})")
