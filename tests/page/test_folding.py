"""Folding: few things side by side, every node in its place, nothing that matters hidden."""

import pytest

from converter.page.coreml_graph import coreml_graph
from converter.page.folding import MOST, Block, first, fold, last
from converter.page.graph import Edge, Graph, Node
from converter.page.layout import place
from converter.page.network import picture
from tests.page.made import large, ten


def leaves(parts):
    for part in parts:
        yield from leaves(part.parts) if isinstance(part, Block) else (part,)


def blocks(parts):
    for part in parts:
        if isinstance(part, Block):
            yield part
            yield from blocks(part.parts)


def chain(kinds, edges=(), **how):
    """Return layers one behind the other, and more edges."""
    nodes = [Node(f"{kind}_{i}", kind, "plain", **how) for i, kind in enumerate(kinds)]
    straight = [Edge(i, i + 1) for i in range(len(nodes) - 1)]
    return Graph(tuple(nodes), (*straight, *(Edge(*edge) for edge in edges)))


def test_a_small_network_is_not_folded():
    graph = coreml_graph(ten())
    assert fold(graph) == tuple(range(len(graph.nodes)))


GRAPHS = {
    "residual blocks": lambda: coreml_graph(large()),
    "a chain of two kinds": lambda: chain(["conv", "relu"] * 350),
    "a chain of one kind": lambda: chain(["dense"] * 700),
    "all of different kinds": lambda: chain(map(str, range(700))),
    "each reads all before": lambda: chain(
        ["conv"] * 60, [(a, b) for b in range(60) for a in range(b - 1)]
    ),
    "two go on from cell to cell": lambda: chain(
        ["a", "b", "c", "d", "add"] * 100, [(5 * i + 4, 5 * i + 14) for i in range(98)]
    ),
    "skipping to the other end": lambda: chain(
        ["conv", "relu", "pool"] * 60, [(i, 179 - i) for i in range(80)]
    ),
    "nothing connected": lambda: Graph(tuple(Node("", "none", "plain") for _ in range(200)), ()),
    "nothing at all": lambda: Graph((), ()),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_few_stand_side_by_side_and_none_is_lost(name):
    graph = GRAPHS[name]()
    parts = fold(graph)
    assert list(leaves(parts)) == list(range(len(graph.nodes)))
    assert len(parts) <= MOST + 1
    for block in blocks(parts):
        assert 2 <= len(block.parts) <= MOST + 1
        assert block.span == (first(block.parts[0]), last(block.parts[-1]))


def test_blocks_that_repeat_are_counted():
    graph = coreml_graph(large(30))
    (block,) = (part for part in fold(graph) if isinstance(part, Block))
    assert (block.times, len(block.parts)) == (30, 30)
    assert [node.kind for node in block.parts[0].nodes] == [
        "convolution", "batchnorm", "ReLU", "convolution", "batchnorm", "ReLU", "add"
    ]  # fmt: skip
    assert block.parts[3].title == "stage0_block3"
    assert block.title == "stage0 … stage2"


def test_what_learns_is_not_folded_with_what_does_not():
    kinds = ["conv", "relu"] * 40
    nodes = [
        Node(f"{kind}_{i}", kind, "learns" if i >= 70 else "frozen", part=int(i >= 70))
        for i, kind in enumerate(kinds)
    ]
    graph = Graph(tuple(nodes), tuple(Edge(i, i + 1) for i in range(79)))
    for block in blocks(fold(graph)):
        assert len({node.role for node in block.nodes}) == 1


def test_inputs_loss_and_cut_are_never_folded():
    graph = coreml_graph(large())
    hidden = {node.role for block in blocks(fold(graph)) for node in block.nodes}
    assert hidden == {"plain", "frozen"}


def test_where_all_read_all_the_lines_of_longer_ways_are_drawn_alone():
    graph = chain(["conv"] * 30, [(a, b) for b in range(30) for a in range(b - 1)])
    level = place(graph, fold(graph))
    assert [(line.source, line.target) for line in level.lines] == [(i, i + 1) for i in range(29)]
    assert level.all_left_out == 30 * 29 // 2 - 29
    assert f"{level.all_left_out} lines are left out" in picture(graph).body


def test_every_edge_is_drawn_once_where_its_ends_stand():
    graph = chain(["a", "b", "c"], [(0, 2)])
    level = place(graph, fold(graph))
    assert [(line.source, line.target) for line in level.lines] == [(0, 1), (1, 2), (0, 2)]
    xs, ys = zip(*((part.x, part.y) for part in level.parts), strict=True)
    assert list(ys) == sorted(ys)
    assert max(map(abs, xs)) <= max(level.left, level.right)
    for line in level.lines:
        assert line.points[0][1] == ys[line.source] + 58
        assert line.points[-1][1] == ys[line.target]
