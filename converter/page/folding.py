"""Folding: the many layers of a large network as few blocks, which hold their layers or blocks.

A block is a stretch of the order in which layers run, so that blocks never depend on each other in
a circle. Where it may begin and end is told by the network, not by names, which people choose as
they like: where few values are all that goes on (after a residual block it is one), where the same
layers repeat, where pictures change their size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise, takewhile

from converter.page.graph import Graph, Node

MOST = 30
"""Nodes and blocks side by side; of more, some are folded together."""

LONGEST_PERIOD = 12
"""Nodes and blocks in what repeats."""

FEWEST = 3
"""Nodes and blocks in a block."""

WIDEST = 6
"""Values that go on where a block ends."""


@dataclass(frozen=True)
class Block:
    """Parts that are folded together; `times` says that they are so many equal ones."""

    graph: Graph
    parts: tuple[Part, ...]
    times: int = 0

    @cached_property
    def span(self) -> tuple[int, int]:
        """The first and the last node in it."""
        return first(self.parts[0]), last(self.parts[-1])

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes in it."""
        begin, end = self.span
        return self.graph.nodes[begin : end + 1]

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its layers: blocks with the same repeat each other."""
        return tuple(node.kind for node in self.nodes)

    @cached_property
    def title(self) -> str:
        """What the names in it begin with, up to a number if that differs; or first and last."""
        names = [WORD.findall(node.name) for node in self.nodes]
        columns = takewhile(lambda words: len(set(words)) == 1, zip(*names, strict=False))
        shared = [words[0] for words in columns]
        begin, end = (name[: len(shared) + 1] for name in (names[0], names[-1]))
        numbered = begin[-1:] != end[-1:] and begin[-1:] and begin[-1][0].isdigit()
        if shared and not numbered:
            return "".join(shared).rstrip("_./- ")
        ends = (begin, end) if numbered else (names[0], names[-1])
        return " … ".join(dict.fromkeys("".join(end).rstrip("_./- ") for end in ends))


WORD = re.compile(r"\d+[_./ -]*|[^\d_./ -]*[_./ -]+|[^\d_./ -]+")
"""A number or a word in a name, with what separates it from the next."""


Part = int | Block
"""A node, by its index, or a block of such."""

Parts = Sequence[Part]


def first(part: Part) -> int:
    """Return the first node of a part."""
    return part.span[0] if isinstance(part, Block) else part


def last(part: Part) -> int:
    """Return the last node of a part."""
    return part.span[1] if isinstance(part, Block) else part


def fold(graph: Graph) -> tuple[Part, ...]:
    """Return the nodes of `graph`, in their order, folded until few stand side by side."""
    return _Folding(graph).fold(range(len(graph.nodes)))


class _Folding:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.alive = _alive(graph)

    def fold(self, parts: Parts) -> tuple[Part, ...]:
        """Return `parts` in blocks, each of them folded inside, too."""
        found = list(parts)
        for step in (self._branches, self._repeats, self._sizes, self._chunks):
            if len(found) > MOST:
                found = step(found)
        return tuple(found)

    def _branches(self, parts: Parts) -> list[Part]:
        """Return `parts` in blocks between places where little goes on: mostly one value.

        In some networks, such as NASNet, two go on from each cell to the next.
        """
        for width in range(1, WIDEST + 1):
            found = self._joined(parts, lambda a, b, most=width: self.alive[last(a)] > most)
            if max(last(part) - first(part) for part in found) < len(parts) / 2:
                return found
        return list(parts)

    def _sizes(self, parts: Parts) -> list[Part]:
        """Return `parts` in blocks in which pictures are of one size."""
        return self._joined(parts, self._same_size)

    def _block(self, parts: Parts, times: int = 0) -> Part:
        if len(parts) == 1:
            return parts[0]
        return Block(self.graph, self.fold(parts) if len(parts) > MOST else tuple(parts), times)

    def _joined(self, parts: Parts, together: Callable[..., bool]) -> list[Part]:
        """Return runs of `parts` as blocks: of neighbours that belong together."""
        runs = [[parts[0]]]
        for part in parts[1:]:
            if self._may_join(runs[-1][-1], part) and together(runs[-1][-1], part):
                runs[-1].append(part)
            else:
                runs.append([part])
        if len(runs) == 1:  # nothing is gained
            return list(parts)
        found: list[Part] = []
        for run in runs:
            found += [self._block(run)] if len(run) >= FEWEST else run
        return found

    def _may_join(self, before: Part, after: Part) -> bool:
        one, other = self.graph.nodes[last(before)], self.graph.nodes[first(after)]
        return one.is_layer and other.is_layer and one.part == other.part

    def _same_size(self, before: Part, after: Part) -> bool:
        return self.graph.nodes[last(before)].size == self.graph.nodes[last(after)].size

    def _chunks(self, parts: Parts) -> list[Part]:
        """Return `parts` in blocks of about as many as there are blocks."""
        most = max(2, round(len(parts) ** 0.5))
        found: list[Part] = []
        for _, run in groupby(enumerate(self._runs(parts)), key=lambda pair: pair[1]):
            these = [parts[index] for index, _ in run]
            for start in range(0, len(these), most):
                found.append(self._block(these[start : start + most]))
        return found

    def _runs(self, parts: Parts, of_one_size: bool = False) -> list[int]:
        """Return for each of `parts` the number of the run of parts that may be joined."""
        numbers = [0]
        for before, after in pairwise(parts):
            apart = of_one_size and not self._same_size(before, after)
            numbers.append(numbers[-1] + (apart or not self._may_join(before, after)))
        return numbers

    def _repeats(self, parts: Parts) -> list[Part]:
        """Return `parts` with each stretch of equal ones, one after the other, as a block."""
        marks = [self._mark(part) for part in parts]
        runs = self._runs(parts, of_one_size=True)
        found: list[Part] = []
        index = 0
        while index < len(parts):
            period, times = _repetition(marks, runs, index)
            if period == 1 and times == len(parts):  # nothing is gained
                return list(parts)
            if times > 1:
                starts = range(index, index + period * times, period)
                equal = [self._block(parts[start : start + period]) for start in starts]
                found += equal if period * times == len(parts) else [self._block(equal, times)]
            else:
                found.append(parts[index])
            index += period * times
        return found

    def _mark(self, part: Part) -> tuple[str, ...]:
        return part.kinds if isinstance(part, Block) else (self.graph.nodes[part].kind,)


def _repetition(
    marks: Sequence[tuple[str, ...]], runs: Sequence[int], start: int
) -> tuple[int, int]:
    """Return the period that repeats from `start` on over most parts, and how many times."""
    best = (1, 1)
    for period in range(1, LONGEST_PERIOD + 1):
        end = start + period
        while end < len(marks) and marks[end] == marks[end - period] and runs[end] == runs[start]:
            end += 1
        times = (end - start) // period
        layers = sum(map(len, marks[start : start + period]))
        if times > 1 and layers > 1 and period * times > best[0] * best[1]:
            best = (period, times)
    return best


def _alive(graph: Graph) -> list[int]:
    """Return for each node how many values are needed after it: its own, or of nodes before."""
    until = list(range(len(graph.nodes)))
    for edge in graph.edges:
        until[edge.source] = max(until[edge.source], edge.target)
    change = [0] * (len(until) + 1)
    for index, end in enumerate(until):
        change[index] += end > index
        change[end] -= end > index
    found, count = [], 0
    for difference in change[:-1]:
        count += difference
        found.append(count)
    return found
