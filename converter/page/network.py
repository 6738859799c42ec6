"""The section with the picture of a network, which folds, zooms, and is searched."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from converter.coreml.mlmodel import Message
from converter.page.coreml_graph import coreml_graph
from converter.page.document import Section
from converter.page.folding import Block, fold
from converter.page.graph import ROLES, Fact, Graph, Node
from converter.page.keras_graph import keras_graph
from converter.page.layout import HEIGHT, WIDTH, Level, place
from converter.page.rendering import asset, render, visible

if TYPE_CHECKING:
    from converter.conversion.inspection import KerasModel

LONGEST = 26
"""Characters of a node's text; the panel shows all of it."""

LONGEST_LABEL = 200
"""Characters of what a screen reader is told of a node before it is opened."""


def network(spec: Message) -> Section:
    """Return the picture of the Core ML model `spec`: a network, a pipeline, or any other kind.

    Raises:
        MissingDependencyError: Graphviz is not installed.
    """
    return picture(coreml_graph(spec))


def keras_network(model: KerasModel) -> Section:
    """Return the picture of a Keras model, of which `inspect` told which layers may learn.

    Raises:
        MissingDependencyError: Graphviz is not installed.
    """
    return picture(keras_graph(model))


def picture(graph: Graph) -> Section:
    """Return the section with the picture of `graph`.

    Raises:
        MissingDependencyError: Graphviz is not installed.
    """
    level = place(graph, fold(graph))
    present = {node.role for node in graph.nodes}
    body = render(
        "network.html.j2",
        graph=graph,
        top=level,
        legend=[(role, graph.legend.get(role, text)) for role, text in ROLES.items()
                if role in present],
        gradient=any(edge.gradient for edge in graph.edges),
        stops=any(edge.stops for edge in graph.edges),
        folded=_has_blocks(level),
        layers=sum(node.is_layer for node in graph.nodes),
        width=WIDTH,
        height=HEIGHT,
        short=short,
        label=label,
        facts=facts,
        role=role_of,
        count=count,
        summary=summary,
    )  # fmt: skip
    return Section("Network", body, asset("network.css"), asset("network.js"))


def _has_blocks(level: Level) -> bool:
    return any(part.block is not None for part in level.parts)


def short(text: str, most: int = LONGEST) -> str:
    """Return `text` in at most so many columns, without its middle: names differ at the end."""
    text = visible(text).replace("\n", " ")
    if _columns(text) <= most:
        return text
    head, tail = _beginning(text, most // 2), _beginning(text[::-1], most - most // 2 - 1)
    return f"{head}…{tail[::-1]}"


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _beginning(text: str, most: int) -> str:
    end = min(most, len(text))
    while _columns(text[:end]) > most:
        end -= 1
    return text[:end]


def label(node: Node) -> str:
    """Return what a screen reader says of a node."""
    return short(", ".join(filter(None, (node.name, node.kind, node.detail, node.state))),
                 LONGEST_LABEL)  # fmt: skip


def facts(found: Iterable[Fact], name: str) -> str:
    """Return what the panel shows, as JSON for the script."""
    return json.dumps([visible(name), *([term, visible(text)] for term, text in found)])


def role_of(block: Block) -> str:
    """Return the role of a block: the one in it that matters most."""
    present = {node.role for node in block.nodes}
    return next(role for role in ROLES if role in present)


def summary(block: Block) -> str:
    """Return what the layers of a block mean for learning."""
    states = [state for node in block.nodes for state in node.state.split(", ") if state]
    return ", ".join(dict.fromkeys(states)) or "no weights"


def count(block: Block) -> str:
    """Return how many layers a block holds, and how many of them learn."""
    number = len(block.nodes)
    text = f"{number} layers"
    if block.times:
        text = f"{block.times} × {number // block.times} layers"
    learning = sum(node.role == "learns" for node in block.nodes)
    able = sum(node.role == "able" for node in block.nodes)
    if learning:
        return f"{text}, {learning} learn"
    return f"{text}, {able} may learn" if able else text
