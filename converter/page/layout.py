"""Where nodes, blocks and edges stand: Graphviz's ``dot`` lays out each block by itself.

``dot`` draws in layers, after Sugiyama, Gansner and others
(https://graphviz.org/documentation/TSE93.pdf). All positions are in pixels; y grows downwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from converter.errors import MissingDependencyError, install
from converter.page.folding import Block, Part, first, last
from converter.page.graph import Edge, Graph

WIDTH, HEIGHT = 208, 58
"""Of a node, and of a block that is folded."""

MOST_LINES = 100
"""Lines between parts side by side; of more, those that say nothing new are left out."""

STEM = 8
"""How far a line goes straight before it bends."""

IN, OUT = "in", "out"
"""The ends of edges that come into a block from outside, or leave it."""

POINTS = 72
"""Graphviz counts sizes in inches of so many points, and positions in points."""

Point = tuple[float, float]

Joined = Mapping[tuple[int | str, int | str], Sequence[Edge]]
"""From which part to which part, and the edges of the graph between them."""


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
    """Parts side by side. Edges come in at the top, where x is 0, and leave at the bottom.

    `left_out` says how many lines are not drawn, for a longer way leads from end to end, too.
    """

    parts: tuple[Placed, ...]
    lines: tuple[Line, ...]
    left: float
    right: float
    height: float
    left_out: int = 0

    @property
    def all_left_out(self) -> int:
        """The number of lines that are not drawn, here and inside."""
        inside = (part.inside.all_left_out for part in self.parts if part.inside is not None)
        return self.left_out + sum(inside)


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
    drawn = _reduced(joined, len(parts)) if len(joined) > MOST_LINES else joined
    level = _laid_out(parts, drawn, inner)
    return replace(level, left_out=len(joined) - len(drawn))


def _reduced(joined: Joined, count: int) -> Joined:
    """Return `joined` without lines from and to what a longer way connects, too.

    Where each layer reads all before it, ``dot`` would work for minutes, for a black spot.
    """
    lines = {ends: (_rank(ends[0], count), _rank(ends[1], count)) for ends in joined}
    nexts: dict[int, set[int]] = defaultdict(set)
    for source, target in lines.values():
        nexts[source].add(target)
    beyond: dict[int, set[int]] = {}
    for source in sorted(nexts, reverse=True):
        further = (beyond[n] | nexts[n] for n in nexts[source] if n in beyond)
        beyond[source] = set().union(*further)
    return {
        ends: joined[ends]
        for ends, (source, target) in lines.items()
        if target not in beyond[source]
    }


def _rank(end: int | str, count: int) -> int:
    """Return the place of a part, or of what stands before or after all `count` of them."""
    return end if isinstance(end, int) else -1 if end == IN else count


def _laid_out(
    parts: Sequence[Part],
    joined: Joined,
    inner: Mapping[int, Sequence[Edge]],
) -> Level:
    drawn = _dot(len(parts), joined)
    width, height = _numbers(drawn.graph_attr["bb"])[2:]
    at = {name: _numbers(drawn.get_node(name).attr["pos"]) for name in drawn.nodes()}
    middle = at[IN][0] if IN in at else at[OUT][0] if OUT in at else width / 2

    def moved(x: float, y: float) -> Point:
        return x - middle, height - y + STEM

    placed = []
    for index, part in enumerate(parts):
        x, y = moved(*at[str(index)])
        if isinstance(part, Block):
            inside = _level(part.parts, inner[index])
            placed.append(Placed(None, part, x, y - HEIGHT / 2, inside))
        else:
            placed.append(Placed(part, None, x, y - HEIGHT / 2))
    lines = []
    for (source, target), edges in joined.items():
        curve = _numbers(drawn.get_edge(str(source), str(target)).attr["pos"])
        points = [moved(x, y) for x, y in zip(curve[::2], curve[1::2], strict=True)]
        begin = 0.0 if source == IN else placed[int(source)].y + HEIGHT
        end = height + 2 * STEM if target == OUT else placed[int(target)].y
        ends = (points[0][0], begin), (points[-1][0], end)
        lines.append(_line(source, target, (ends[0], *points, ends[1]), edges))
    return Level(tuple(placed), tuple(lines), middle, width - middle, height + 2 * STEM)


def _line(
    source: int | str, target: int | str, points: tuple[Point, ...], edges: Sequence[Edge]
) -> Line:
    gradient = any(edge.gradient for edge in edges)
    return Line(source, target, points, gradient, not gradient and any(e.stops for e in edges))


def _dot(count: int, joined: Joined) -> Any:
    """Return what ``dot`` makes of `count` nodes of the same size, and edges between them."""
    graph = graphviz().AGraph(
        directed=True, nodesep="0.3", ranksep="0.25", outputorder="edgesfirst"
    )
    graph.node_attr.update(
        shape="box",
        label="",
        fixedsize="true",
        width=WIDTH / POINTS,
        height=(HEIGHT + 2 * STEM) / POINTS,
    )
    graph.edge_attr.update(arrowhead="none", tailport="s", headport="n")
    for index in range(count):
        graph.add_node(str(index))
    ends = {end for ends in joined for end in ends} & {IN, OUT}
    for end in sorted(ends):
        graph.add_node(end, shape="point", width="0.01", height="0.01")
        graph.add_subgraph([end], rank="min" if end == IN else "max")
    for source, target in joined:
        # What the gradient takes is drawn straight rather than what leaves the model.
        weight = 3 if any(edge.gradient for edge in joined[source, target]) else 1
        graph.add_edge(str(source), str(target), weight=weight)
    graph.layout(prog="dot")
    return graph


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.replace(",", " ").split()]
