"""Where nodes, blocks and edges stand: Graphviz's ``dot`` lays out each block by itself.

``dot`` draws in layers, after Sugiyama, Gansner and others
(https://graphviz.org/documentation/TSE93.pdf). All positions are in pixels; y grows downwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converter.errors import MissingDependencyError, install
from converter.page.folding import Block, Part, first, last
from converter.page.graph import Edge, Graph

WIDTH, HEIGHT = 208, 58
"""Of a node, and of a block that is folded."""

IN, OUT = "in", "out"
"""The ends of edges that come into a block from outside, or leave it."""

POINTS = 72
"""Graphviz counts sizes in inches of so many points, and positions in points."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Placed:
    """A node by its index, or a block with what is `inside`; the middle of its upper edge."""

    node: int | None
    block: Block | None
    x: float
    y: float
    inside: Level | None = None


@dataclass(frozen=True)
class Line:
    """An edge from one of the parts, or from `IN`, to one, or to `OUT`.

    `points` are its two ends, and between them those of joined cubic Bézier curves.
    """

    source: int | str
    target: int | str
    points: tuple[Point, ...]
    gradient: bool
    stops: bool

    @property
    def path(self) -> str:
        """The line as the ``d`` of an SVG path."""
        start, begin, *curves, end = (f"{x:g} {y:g}" for x, y in self.points)
        return f"M{start} L{begin} C{' '.join(curves)} L{end}"


@dataclass(frozen=True)
class Level:
    """Parts side by side. x is 0 where edges come in and leave, at the top and the bottom."""

    parts: tuple[Placed, ...]
    lines: tuple[Line, ...]
    left: float
    right: float
    height: float


def graphviz() -> Any:
    """Return pygraphviz, whose wheels hold Graphviz itself.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import pygraphviz
    except ImportError as error:
        raise MissingDependencyError(
            f"the picture of a network needs pygraphviz; {install('report')}"
        ) from error
    return pygraphviz


def place(graph: Graph, parts: Sequence[Part]) -> Level:
    """Return where `parts` of `graph` and all inside of them stand, each block by itself.

    Raises:
        MissingDependencyError: Graphviz is not installed.
    """
    return _level(parts, graph.edges)


def _level(parts: Sequence[Part], edges: Iterable[Edge]) -> Level:
    home = {
        node: index
        for index, part in enumerate(parts)
        for node in range(first(part), last(part) + 1)
    }
    joined: dict[tuple[int | str, int | str], list[Edge]] = defaultdict(list)
    inner: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        source, target = home.get(edge.source, IN), home.get(edge.target, OUT)
        if source != target:
            joined[source, target].append(edge)
        for end in dict.fromkeys((source, target)):
            if isinstance(end, int) and isinstance(parts[end], Block):
                inner[end].append(edge)
    return _laid_out(parts, joined, inner)


def _laid_out(
    parts: Sequence[Part],
    joined: Mapping[tuple[int | str, int | str], Sequence[Edge]],
    inner: Mapping[int, Sequence[Edge]],
) -> Level:
    drawn = _dot(len(parts), joined)
    width, height = _numbers(drawn.graph_attr["bb"])[2:]
    at = {
        name: (x, height - y)
        for name in drawn.nodes()
        for x, y in [_numbers(drawn.get_node(name).attr["pos"])]
    }
    middle = at[IN][0] if IN in at else at[OUT][0] if OUT in at else width / 2
    placed = []
    for index, part in enumerate(parts):
        x, y = at[str(index)][0] - middle, at[str(index)][1] - HEIGHT / 2
        if isinstance(part, Block):
            placed.append(Placed(None, part, x, y, _level(part.parts, inner[index])))
        else:
            placed.append(Placed(part, None, x, y))
    lines = []
    for (source, target), edges in joined.items():
        curve = _numbers(drawn.get_edge(str(source), str(target)).attr["pos"])
        points = [(x - middle, height - y) for x, y in zip(curve[::2], curve[1::2], strict=True)]
        ends = [
            (0.0, 0.0) if source == IN else (placed[int(source)].x, placed[int(source)].y + HEIGHT),
            (0.0, height) if target == OUT else (placed[int(target)].x, placed[int(target)].y),
        ]
        gradient = any(edge.gradient for edge in edges)
        stops = not gradient and any(edge.stops for edge in edges)
        lines.append(Line(source, target, (ends[0], *points, ends[1]), gradient, stops))
    return Level(tuple(placed), tuple(lines), middle, width - middle, height)


def _dot(count: int, edges: Iterable[tuple[int | str, int | str]]) -> Any:
    """Return what ``dot`` makes of `count` nodes of the same size and `edges` between them."""
    graph = graphviz().AGraph(
        directed=True, nodesep="0.3", ranksep="0.45", outputorder="edgesfirst"
    )
    graph.node_attr.update(
        shape="box", label="", fixedsize="true", width=WIDTH / POINTS, height=HEIGHT / POINTS
    )
    graph.edge_attr.update(arrowhead="none", tailport="s", headport="n")
    for index in range(count):
        graph.add_node(str(index))
    edges = list(edges)
    ends = {end for edge in edges for end in edge} & {IN, OUT}
    for end in sorted(ends):
        # Of one group, so that `dot` puts the one under the other.
        graph.add_node(end, shape="point", width="0.01", height="0.01", group="ends")
        graph.add_subgraph([end], rank="min" if end == IN else "max")
    if len(ends) == 2:
        graph.add_edge(IN, OUT, style="invis", weight="100")
    for source, target in edges:
        graph.add_edge(str(source), str(target))
    graph.layout(prog="dot")
    return graph


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.replace(",", " ").split()]
