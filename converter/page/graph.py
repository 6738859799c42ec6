"""A network as a page draws it: nodes in the order in which they run, and edges between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ROLES = {
    "input": "input of the model",
    "output": "output of the model",
    "target": "training input: what the loss compares with",
    "loss": "loss",
    "cut": "the pipeline's cut",
    "model": "model of another kind",
    "neighbors": "keeps samples and compares with them",
    "learns": "learns on the device",
    "able": "may learn on the device",
    "frozen": "frozen",
    "unsaid": "not known whether it may learn",
    "plain": "has no weights",
}
"""What a node is -> what the legend says of it; a graph may say it better."""

LAYERS = ("learns", "able", "frozen", "unsaid", "plain")
"""Roles of nodes that are layers: only these are folded into blocks."""

Fact = tuple[str, str]
"""A line of the panel: what it tells, and the text."""


@dataclass(frozen=True)
class Node:
    """A layer, or what layers are connected with.

    Attributes:
        name: as the file spells it.
        kind: of a layer its kind, or the class in Keras.
        role: one of `ROLES`.
        detail: a short text beside the kind, such as the shape of the output.
        state: one more, of what the node means for learning.
        facts: what the panel shows.
        size: height and width of the output where there is such.
        part: nodes with different parts are not folded together.
    """

    name: str
    kind: str
    role: str
    detail: str = ""
    state: str = ""
    facts: tuple[Fact, ...] = ()
    size: tuple[int | None, ...] = ()
    part: int = 0

    @property
    def is_layer(self) -> bool:
        """Whether the node may be folded into a block."""
        return self.role in LAYERS


@dataclass(frozen=True)
class Edge:
    """From one node to another one, by index. `gradient` says whether a gradient comes back."""

    source: int
    target: int
    gradient: bool = False
    stops: bool = False
    """The gradient that reaches `target` goes no further: nothing beyond learns."""


@dataclass(frozen=True)
class Graph:
    """The nodes and edges of a network; each edge leads from a node to a later one."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    legend: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def ordered(edges: list[Edge]) -> tuple[Edge, ...]:
    """Return `edges` without those that lead back, and each only once.

    A layer that a file uses twice may stand before what it reads; its facts tell what that is.
    """
    found: dict[tuple[int, int], Edge] = {}
    for edge in edges:
        if edge.source < edge.target:
            found.setdefault((edge.source, edge.target), edge)
    return tuple(found.values())
