"""A Keras model as a graph: which of its layers may learn on the device, and why others may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from converter.coreml.figures import count_text, shape_text
from converter.page.graph import Edge, Fact, Graph, Node, ordered

if TYPE_CHECKING:
    from converter.conversion.inspection import KerasLayerRow, KerasModel

LEGEND = {
    "learns": "learns if nothing else is said",
    "able": "may learn, if asked to (--layers)",
    "frozen": "may not learn",
}

STATES = {"learns": "learns", "able": "may learn", "frozen": "may not learn"}


def keras_graph(model: KerasModel) -> Graph:
    """Return the graph of the Keras model that `inspect` found; edges are those of its rows."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    made: dict[str, int] = {}
    named = {row.name for row in model.layers}
    for name, shape in model.inputs.items():
        if name in named:
            continue  # a functional model lists its input layers
        made[name] = len(nodes)
        nodes.append(Node(name, "input", "input", shape_text(shape[1:]), "input", _shape(shape)))
    for row in model.layers:
        edges += [Edge(made[name], len(nodes)) for name in row.inputs if name in made]
        made[row.name] = len(nodes)
        nodes.append(_node(row, model))
    if len(model.outputs) == 1 and model.outputs[0] in made and model.loss:
        edges.append(Edge(made[model.outputs[0]], len(nodes)))
        nodes.append(Node("loss", model.loss, "loss", state="as compiled"))
    return Graph(tuple(nodes), ordered(edges), LEGEND, model.problem)


def _node(row: KerasLayerRow, model: KerasModel) -> Node:
    role = _role(row, model)
    shape = row.output or ()
    size = shape[1:-1] if len(shape) > 2 else ()
    facts = tuple(_facts(row, model, role))
    return Node(row.name, row.kind, role, shape_text(shape[1:]), STATES.get(role, ""), facts, size)


def _role(row: KerasLayerRow, model: KerasModel) -> str:
    # The input layer of a nested model reads what that is given, if only by the same name.
    if row.kind == "InputLayer" and not {*row.inputs} - {row.name}:
        return "input"
    if not row.weights:
        return "plain"
    if row.updatable is None:
        return "unsaid"
    if not row.updatable:
        return "frozen"
    return "learns" if row.name in model.chosen else "able"


def _facts(row: KerasLayerRow, model: KerasModel, role: str) -> Iterator[Fact]:
    yield "kind", row.kind
    yield from _shape(row.output)
    yield "weights", count_text(row.weights) or "none"
    if row.weights:
        yield "bytes", f"{4 * row.weights:,} as float32"
    yield "learning", _reason(row, model, role)
    yield "reads", ", ".join(row.inputs) or "nothing"


def _shape(shape: tuple[int | None, ...] | None) -> tuple[Fact, ...]:
    return (("output", shape_text(shape) or "not known"),)


def _reason(row: KerasLayerRow, model: KerasModel, role: str) -> str:
    if role in ("plain", "input"):
        return "has no weights, so there is nothing to learn"
    if role == "unsaid":
        return f"not known: {model.problem}" if model.problem else "not known"
    return {"learns": "learns if nothing else is said", "able": "may learn, if asked to"}.get(
        role, row.reason
    )
