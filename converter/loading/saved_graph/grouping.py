"""Which operations of a flat graph are a layer, and what it is called.

Operations that read the variables of one layer, one after the other, are that layer; so is the
activation behind them that stands in the same scope. Any other operation on computed numbers is a
layer of its own. What computes sizes, or does arithmetic on variables alone, belongs to whatever
needs it. A layer is called by the path of its variables: ``dense_5/kernel`` is of ``dense_5``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from converter.loading.saved_graph.checkpoint import Variable
from converter.loading.saved_graph.flat import Graph, Node, Value
from converter.loading.saved_graph.running import FLOATS, Fact

STATISTICS = {"moving_mean", "moving_variance"}
"""Last names of the variables that only a batch normalization has."""

ADDING = ("Add", "AddV2", "BiasAdd")


@dataclass(frozen=True)
class Part:
    """One use of a layer: the operations that make `outputs` from computed `inputs`."""

    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Value, ...]


@dataclass(frozen=True)
class Plan:
    """A layer to be made: its `variables`, by the names of their nodes, and each of its uses."""

    name: str
    kind: str
    variables: tuple[str, ...]
    parts: tuple[Part, ...]


@dataclass
class _Run:
    """Steps one after the other that become one use of a layer."""

    path: str
    is_named: bool
    steps: list[_Step] = field(default_factory=list)

    @property
    def variables(self) -> list[str]:
        return list(dict.fromkeys(name for step in self.steps for name in step.variables))


@dataclass(frozen=True)
class _Step:
    """An operation whose result a layer gives, with all that it needs besides computed values."""

    node: Node
    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    variables: tuple[str, ...]


def plans(
    graph: Graph, variables: Mapping[str, Variable], facts: Mapping[Value, Fact]
) -> list[Plan]:
    """Return the layers that `graph` consists of, in the order in which they are first used."""
    steps = list(_steps(graph, variables, facts))
    runs = _runs(steps, graph, variables)
    groups = _groups(runs)
    names = _names(groups, variables, graph.inputs)
    needed = Counter(value for step in steps for value in step.inputs)
    needed.update(graph.outputs.values())
    return [
        Plan(
            name,
            _kind(group, variables),
            tuple(dict.fromkeys(v for run in group for v in run.variables)),
            tuple(_part(run, needed) for run in group),
        )
        for group, name in zip(groups, names, strict=True)
    ]


def _steps(
    graph: Graph, variables: Mapping[str, Variable], facts: Mapping[Value, Fact]
) -> Iterator[_Step]:
    """Yield the operations whose results are computed numbers, each with what only it needs."""
    makers = {node.name: node for node in graph.nodes}
    order = {name: place for place, name in enumerate(makers)}
    made = {
        value.maker
        for value, fact in facts.items()
        if value.maker in makers and fact.varies and fact.dtype in FLOATS
    }
    made |= {value.maker for value in graph.outputs.values() if value.maker in makers}
    for node in graph.nodes:
        if node.name not in made:
            continue
        inputs: dict[Value, None] = {}
        nodes: dict[str, Node] = {}
        read: dict[str, None] = {}
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if one.name in nodes:
                continue
            nodes[one.name] = one
            for value in one.inputs:
                if value.maker in variables:
                    read[value.maker] = None
                elif value.maker in made or value.maker not in makers:
                    inputs[value] = None
                else:
                    waiting.append(makers[value.maker])
        ordered = sorted(nodes.values(), key=lambda one: order[one.name])
        yield _Step(node, tuple(inputs), tuple(ordered), tuple(read))


def _runs(steps: Sequence[_Step], graph: Graph, variables: Mapping[str, Variable]) -> list[_Run]:
    """Return `steps` in runs, each of which is one use of one layer."""
    uses = Counter(value.maker for step in steps for value in step.inputs)
    uses.update(value.maker for value in graph.outputs.values())
    ends: dict[str, _Run] = {}
    found: list[_Run] = []
    for step in steps:
        before = {value.maker for value in step.inputs}
        last = before.pop() if len(before) == 1 else ""
        run = ends.get(last) if uses[last] == 1 else None
        path, is_named = _path(step.variables, variables)
        if run is None or not _continues(run, step, path, is_named, variables):
            run = _Run(path, is_named)
            found.append(run)
        run.steps.append(step)
        ends[step.node.name] = run
    return found


def _continues(
    run: _Run, step: _Step, path: str, is_named: bool, variables: Mapping[str, Variable]
) -> bool:
    """Tell whether `step`, which takes nothing but the result of `run`, is of the same layer."""
    if not step.variables:
        scope = _scope(step.node)
        return bool(run.path and scope) and scope == _scope(run.steps[-1].node)
    if is_named and run.is_named:
        return path == run.path
    has_kernel = any(len(variables[name].shape) > 1 for name in run.variables)
    adds = step.node.kind in ADDING and [len(variables[v].shape) for v in step.variables] == [1]
    return has_kernel and adds


def _path(names: Sequence[str], variables: Mapping[str, Variable]) -> tuple[str, bool]:
    """Return the path of the layer that has the largest of these variables, and whether it is that.

    A variable without a path of its own layer stands for it itself.
    """
    if not names:
        return "", False
    name = max(names, key=lambda name: len(variables[name].shape))
    variable = variables[name]
    layer, _, own = variable.name.rpartition("/")
    if layer and variable.is_alone:
        return layer, True
    by_object, _, place = variable.path.rpartition("/")
    is_listed = place.isdigit()  # all variables of a model stand in one list
    return (by_object, True) if by_object and not is_listed else (own or name, False)


def _groups(runs: Sequence[_Run]) -> list[list[_Run]]:
    """Return the uses of each layer: those that share a variable, and each other alone."""
    groups: list[list[_Run]] = []
    readers: dict[tuple[str, str], list[_Run]] = {}
    for run in runs:
        keys = [(run.path, name) for name in run.variables]
        group = next((readers[key] for key in keys if key in readers), None)
        if group is None:
            groups.append(group := [])
        group.append(run)
        readers.update(dict.fromkeys(keys, group))
    return groups


def _names(
    groups: Sequence[Sequence[_Run]], variables: Mapping[str, Variable], inputs: Iterable[str]
) -> list[str]:
    """Return a name for each layer that no other, nor one of `inputs`, has.

    Those of layers with variables go first.
    """
    paths = [_own_path(group[0], groups) for group in groups]
    counts = Counter(paths)
    for index, (group, path) in enumerate(zip(groups, paths, strict=True)):
        if path and counts[path] > 1:
            largest = max(group[0].variables, key=lambda name: len(variables[name].shape))
            paths[index] = f"{path}/{_last(variables[largest])}"
    weighted = [path for path in paths if path]
    common = _common(weighted)
    last = Counter(path.rpartition("/")[2] for path in weighted)
    names: list[str] = []
    taken = set(inputs)
    for path in paths:
        own = path.rpartition("/")[2]
        is_clear = last[own] == 1 and not own.isdigit()  # that is a place in a list
        name = own if is_clear else path.removeprefix(common)
        names.append(free_name(name, taken) if path else "")
    for index, group in enumerate(groups):
        if not names[index]:
            node = group[0].steps[0].node
            names[index] = free_name(_scope(node).rpartition("/")[2] or node.name, taken)
    return names


def _own_path(run: _Run, groups: Sequence[Sequence[_Run]]) -> str:
    """Return the path of a layer; where variables do not tell it, the scope that it alone runs in.

    Keras 3 exports the variables of a subclassed model as ``own/kernel``, whatever their layer.
    """
    if run.is_named or not run.path:
        return run.path
    scopes = [_scope(group[0].steps[0].node) for group in groups]
    scope = _scope(run.steps[0].node)
    return scope if scope and scopes.count(scope) == 1 else run.path


def _last(variable: Variable) -> str:
    """Return the last word for `variable`; a place in a list only if its name is not its own."""
    by_object = variable.path.rpartition("/")[2]
    is_listed = by_object.isdigit() and variable.is_alone
    return variable.name.rpartition("/")[2] if is_listed or not by_object else by_object


def _common(paths: Iterable[str]) -> str:
    """Return the folder that all `paths` lie in, with its slash."""
    listed = [path.rpartition("/")[0] for path in paths]
    if not listed or "" in listed:
        return ""
    return os.path.commonpath(listed) + "/" if os.path.commonpath(listed) else ""


def free_name(name: str, taken: set[str]) -> str:
    """Return `name`, with a number behind it if it is `taken`; it is taken from now on."""
    free, number = name, 1
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    taken.add(free)
    return free


def _scope(node: Node) -> str:
    return node.name.rpartition("/")[0]


def _kind(group: Sequence[_Run], variables: Mapping[str, Variable]) -> str:
    """Return what a layer is: the operation that reads its largest variable, or its first one."""
    read = group[0].variables
    if {variables[name].name.rpartition("/")[2] for name in read} >= STATISTICS:
        return "BatchNormalization"
    if not read:
        return group[0].steps[0].node.kind
    kernel = max(read, key=lambda name: len(variables[name].shape))
    return next(step.node.kind for step in group[0].steps if kernel in step.variables)


def _part(run: _Run, needed: Mapping[Value, int]) -> Part:
    """Return one use of a layer."""
    inner = {step.node.name for step in run.steps}
    nodes = {node.name: node for step in run.steps for node in step.nodes}
    inputs = dict.fromkeys(v for step in run.steps for v in step.inputs if v.maker not in inner)
    last = run.steps[-1].node
    outputs = [Value(last.name, place) for place in range(last.outputs)]
    needed_outputs = tuple(value for value in outputs if needed[value])
    return Part(tuple(inputs), tuple(nodes.values()), needed_outputs)
