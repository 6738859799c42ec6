"""Where the features of a k-nearest-neighbours classifier are taken from a network."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from converter.errors import NotUpdatableError, UsageError
from converter.learning.tail import WEIGHTED
from converter.trace.program import KerasLayer, Op, Program, Ref, Shape, without_dead_ops

MOST_LISTED = 8
"""Layers that a message names."""


@dataclass(frozen=True)
class Cut:
    """The part of a network that makes the features, its output, and the layer they are of."""

    program: Program
    layer: KerasLayer

    @property
    def dimensions(self) -> int:
        """The number of features."""
        return max(self.program.outputs[0].shape)


def cut(program: Program, name: str | None) -> Cut:
    """Return the part of `program` up to the layer `name`, or up to what feeds the last dense one.

    Raises:
        UsageError: there is no such layer, or no layer was named and the network does not end in a
            dense one.
        NotUpdatableError: the layer gives no vector, gives what the head answers, or is used twice.
    """
    value = _feeding_the_head(program) if name is None else _made_by(program, name)
    layer = _layer_of(value, program)
    if layer is None:
        raise NotUpdatableError(
            "the features would be the input itself; name a layer behind it with --knn LAYER: "
            f"{_vectors(program)}"
        )
    if not _is_vector(value.shape):
        raise NotUpdatableError(
            f"{layer} gives {list(value.shape[1:])}, but neighbors are compared by vectors; name a "
            f"layer that gives one with --knn LAYER: {_vectors(program)}"
        )
    return Cut(without_dead_ops(replace(program, outputs=(value,))), layer)


def _feeding_the_head(program: Program) -> Ref:
    """Return what the last dense layer reads, if nothing but activations and the like follow it."""
    makers, constants = program.producers(), program.constants()
    op = makers.get(program.outputs[0].name)
    while op is not None:
        computed = [ref for ref in op.refs() if ref.name not in constants]
        if len(computed) != 1 or (op.kind in WEIGHTED and op.kind != "matmul"):
            break
        if op.kind == "matmul":
            return computed[0]
        op = makers.get(computed[0].name)
    raise UsageError(
        "the model does not end in a dense layer, of which the features would be the input; name "
        f"the layer to take them from with --knn LAYER: {_vectors(program)}"
    )


def _made_by(program: Program, name: str) -> Ref:
    """Return the value that the layer `name` gives to the rest of the network."""
    layer = next((layer for layer in program.layers if layer.name == name), None)
    if layer is None:
        raise UsageError(_unknown(name, program))
    values = _outputs(program).get(layer, [])
    if not values:
        raise NotUpdatableError(
            f"{layer} leaves nothing of its own on the way to the output; layers to take features "
            f"from: {_vectors(program)}"
        )
    if len(values) > 1:
        raise NotUpdatableError(
            f"{layer} is used in {len(values)} places, so that its features are not one vector; "
            f"layers to take features from: {_vectors(program)}"
        )
    if _is_answer(values[0], program):
        raise NotUpdatableError(
            f"{layer} lies behind the head: it gives the probabilities of the classes that the "
            f"model was trained on; layers to take features from: {_vectors(program)}"
        )
    return values[0]


def _unknown(name: str, program: Program) -> str:
    near = difflib.get_close_matches(name, [layer.name for layer in program.layers], n=3)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    listed = _vectors(program)
    return f"--knn: no layer is called '{name}'{hint}; layers to take features from: {listed}"


def _outputs(program: Program) -> Mapping[KerasLayer, list[Ref]]:
    """Return the values that each layer gives to other layers, or to the output."""
    readers: dict[str, set[KerasLayer | None]] = {program.outputs[0].name: {None}}
    for op in program.ops:
        for ref in op.refs():
            readers.setdefault(ref.name, set()).add(op.layer)
    constants = program.constants()
    found: dict[KerasLayer, list[Ref]] = {}
    for op in program.ops:
        for ref in op.outputs:
            outside = readers.get(ref.name, set()) - {op.layer}
            if op.layer is not None and outside and ref.name not in constants:
                found.setdefault(op.layer, []).append(ref)
    return found


def _is_vector(shape: Shape) -> bool:
    """Tell whether the values of a sample, the axes behind the first, lie along one axis."""
    return sum(size > 1 for size in shape[1:]) <= 1


def _is_answer(value: Ref, program: Program) -> bool:
    """Tell whether `value` are probabilities: what a softmax gives, or a single sigmoid."""
    op: Op | None = program.producers().get(value.name)
    is_single = _is_vector(value.shape) and max(value.shape) == 1
    return op is not None and (op.kind == "softmax" or (op.kind == "sigmoid" and is_single))


def _layer_of(value: Ref, program: Program) -> KerasLayer | None:
    """Return the layer that makes `value`, or the last one before it."""
    makers, constants = program.producers(), program.constants()
    name = value.name
    while name in makers:
        op = makers[name]
        if op.layer is not None:
            return op.layer
        name = next((ref.name for ref in op.refs() if ref.name not in constants), "")
    return None


def _vectors(program: Program) -> str:
    """Return the names of the layers that features can be taken from, the last ones."""
    able = [
        layer.name
        for layer, values in _outputs(program).items()
        if len(values) == 1 and _is_vector(values[0].shape) and not _is_answer(values[0], program)
    ]
    return ", ".join(able[-MOST_LISTED:]) or "none"
