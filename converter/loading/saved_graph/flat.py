"""The graph of a signature without its functions: one list of operations, each found harmless.

The calls of functions are followed, to any depth, and only what an output depends on is kept: that
is all that can ever run. What restores or initializes the model is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from converter.backend.saved_model import Operation, operation
from converter.errors import KerasFileError
from converter.loading.saved_graph.harmless import FOLLOWED, HARMLESS, SAME, VARIABLES
from converter.loading.saved_graph.message import Message

MOST_NODES = 20_000
"""Operations, with those that only call others. The largest networks have some thousands."""

DEEPEST = 32
"""Functions that call each other; what TensorFlow writes has two or three."""

TEXT = 7
"""``DT_STRING``, the type of texts and of the bytes of files."""

OF_LAYERS = "export a signature without it: layers alone, of images or arrays of numbers"
OF_IMAGES = "export a signature that takes images as float32 [batch, height, width, channels]"


class Value(NamedTuple):
    """What the operation, input or variable `maker` gives as its output number `output`."""

    maker: str
    output: int = 0


@dataclass(frozen=True)
class Node:
    """An operation of the kind `kind`; its name is its own in the flat graph."""

    name: str
    kind: str
    operation: Operation
    inputs: tuple[Value, ...]
    attributes: Mapping[str, Message]

    @property
    def outputs(self) -> int:
        """How many tensors it gives."""
        places = self.operation.places(self.attributes)
        last = self.operation.definition.output_arg[-1]
        many = last.number_attr and self.attributes[last.number_attr].i
        return places[last.name] + int(many or 1)


@dataclass(frozen=True)
class Graph:
    """What a signature runs: `nodes` in an order in which each comes after what it takes.

    `inputs` and `outputs` are by their names in the signature; an input is a value by the name
    ``input NAME``. `variables` are the names of the variables that are read.
    """

    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value]
    nodes: tuple[Node, ...]
    variables: tuple[str, ...]


def flat_graph(graph: Message, signature: str) -> Graph:
    """Return what `signature` of a ``MetaGraphDef`` runs.

    Raises:
        KerasFileError: an operation is not on the list of harmless ones, or the graph contradicts
            itself or is absurdly large.
    """
    chosen = graph.signature_def[signature]
    functions = {one.signature.name: one for one in graph.graph_def.library.function}
    takes_text = any(one.dtype == TEXT for one in chosen.inputs.values())
    flattening = _Flattening(functions, OF_IMAGES if takes_text else OF_LAYERS)
    inputs = {_node(one.name): name for name, one in sorted(chosen.inputs.items())}
    main = _Scope({node.name: node for node in graph.graph_def.node}, {}, inputs)
    wanted = {name: one.name for name, one in sorted(chosen.outputs.items())}
    found = flattening.values(main, list(wanted.values()), 0)
    taken = {value for node in flattening.nodes.values() for value in node.inputs} | {*found}
    used = {name: Value(f"input {name}") for name in inputs.values()}
    return Graph(
        {name: value for name, value in used.items() if value in taken},
        dict(zip(wanted, found, strict=True)),
        tuple(flattening.nodes.values()),
        tuple(dict.fromkeys(flattening.variables)),
    )


@dataclass
class _Scope:
    """The nodes of a function, or of the main graph, by name; and what is known of their values.

    `arguments` are the inputs of the function by name, `inputs` those nodes of the main graph that
    are inputs of the signature.
    """

    nodes: Mapping[str, Message]
    arguments: Mapping[str, Value]
    inputs: Mapping[str, str] = field(default_factory=dict)
    results: dict[str, list[Value]] = field(default_factory=dict)


class _Flattening:
    """The flat list of nodes as it grows."""

    def __init__(self, functions: Mapping[str, Message], advice: str) -> None:
        self.functions, self.advice = functions, advice
        self.nodes: dict[str, Node] = {}
        self.variables: list[str] = []
        self._count = 0

    def values(self, scope: _Scope, wanted: Sequence[str], depth: int) -> list[Value]:
        """Return the values that a scope calls by the names `wanted`."""
        if depth > DEEPEST:
            raise KerasFileError("its functions call each other without end")
        for name in self._needed(scope, wanted):
            self._count += 1
            if self._count > MOST_NODES:
                raise KerasFileError(
                    f"its graph has more than {MOST_NODES:,} operations, which no network needs"
                )
            scope.results[name] = self._results(scope, scope.nodes[name], depth)
        return [self._value(scope, name) for name in wanted]

    def _results(self, scope: _Scope, node: Message, depth: int) -> list[Value]:
        """Return the values that `node` gives, whose inputs are known."""
        if node.name in scope.inputs:
            return [Value(f"input {scope.inputs[node.name]}")]
        inputs = [self._value(scope, name) for name in _data(node)]
        called = node.attr["f"].func.name if node.op in FOLLOWED else node.op
        if called in self.functions:
            return self._called(self.functions[called], inputs, depth)
        if node.op in FOLLOWED:
            raise KerasFileError(f"its graph calls a function that it lacks ({node.name})")
        if node.op in VARIABLES:
            self.variables.append(node.name)
            return [Value(node.name)]
        if node.op in SAME or node.op == "PlaceholderWithDefault":
            return inputs
        if node.op == "Placeholder":
            raise KerasFileError(f"its graph needs an input that the signature lacks: {node.name}")
        known = operation(node.op) if node.op in HARMLESS else None
        if known is None:
            raise self._refused(node)
        attributes = known.complete(node.attr)
        made = Node(self._free(node.name), node.op, known, tuple(inputs), attributes)
        self.nodes[made.name] = made
        return [Value(made.name, i) for i in range(made.outputs)]

    def _called(self, function: Message, inputs: Sequence[Value], depth: int) -> list[Value]:
        """Return what `function` gives for `inputs`."""
        names = [argument.name for argument in function.signature.input_arg]
        arguments = dict(zip(names, inputs, strict=True))
        scope = _Scope({node.name: node for node in function.node_def}, arguments)
        wanted = [function.ret[result.name] for result in function.signature.output_arg]
        return self.values(scope, wanted, depth + 1)

    def _value(self, scope: _Scope, name: str) -> Value:
        """Return a value by its name: ``node``, ``node:2``, or in functions ``node:output:2``."""
        node, *place = name.split(":")
        if node in scope.arguments:
            return scope.arguments[node]
        results = scope.results[node]
        if len(place) < 2:
            return results[int(place[0]) if place else 0]
        return results[self._first(scope.nodes[node], place[0]) + int(place[1])]

    def _first(self, node: Message, output: str) -> int:
        """Return the number of the first value in the output of `node` by the name `output`."""
        if node.op in self.functions:
            results = self.functions[node.op].signature.output_arg
            return [result.name for result in results].index(output)
        known = operation(node.op)
        return known.places(node.attr)[output] if known else 0

    def _free(self, name: str) -> str:
        """Return a name for a node that no other has: functions may be called twice."""
        free, number = name, 1
        while free in self.nodes or free in self.variables:
            free, number = f"{name}_{number}", number + 1
        return free

    def _needed(self, scope: _Scope, wanted: Sequence[str]) -> Iterator[str]:
        """Yield the nodes on which values depend, each after those that it depends on itself."""
        done = set(scope.results)
        around: set[str] = set()
        waiting = [_node(name) for name in reversed(wanted)]
        while waiting:
            name = waiting[-1]
            if name in done or name in scope.arguments:
                waiting.pop()
                continue
            if name not in scope.nodes:
                raise KerasFileError(f"its graph takes a value that nothing gives: {name}")
            node = scope.nodes[name]
            before = [] if name in scope.inputs else [_node(part) for part in _data(node)]
            missing = [part for part in before if part not in done and part not in scope.arguments]
            if not missing:
                done.add(name)
                waiting.pop()
                yield name
            elif name in around:
                raise self._refused(node)
            else:
                around.add(name)
                waiting += reversed(missing)

    def _refused(self, node: Message) -> KerasFileError:
        if node.op in HARMLESS:  # a loop of TensorFlow 1 has others in it, which are not
            return KerasFileError(f"its graph goes in a circle at {node.name}")
        return KerasFileError(
            f"its graph has the operation '{node.op}' ({node.name}), which is not on the list of "
            f"harmless ones and is not run; {self.advice}"
        )


def _data(node: Message) -> list[str]:
    """Return the inputs of a node, without those that only order it after another."""
    return [name for name in node.input if not name.startswith("^")]


def _node(name: str) -> str:
    return name.split(":")[0]
