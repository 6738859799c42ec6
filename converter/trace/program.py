"""The traced model: a list of MIL operations in single-assignment form, free of coremltools.

`trace` makes it, `fuse` rewrites it, `lower` walks it. Values are known by unique names; weights
are values like any other, so that every operation keeps the Keras variable it reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]

AXES = {2: "NC", 3: "NWC", 4: "NHWC"}
"""Rank of a Keras array -> a letter for each axis: batch, height, width, channels. A vector has
channels only; a signal is an image of height one."""

GRAY_AXES = "NHW"
"""The axes of gray images where the model itself adds the axis of their one channel."""


@dataclass(frozen=True)
class KerasLayer:
    """The Keras layer that an operation or a weight belongs to.

    `name` is the layer's own name where it is unique in the model, else its path through the
    nested models (``backbone/conv1``). `kernels` names its variables of rank two and more.
    """

    name: str
    class_name: str
    kernels: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"layer '{' '.join(self.name.splitlines())}' ({self.class_name})"


@dataclass(frozen=True)
class Ref:
    """A value that an operation reads or writes: its unique name and its shape in MIL's order."""

    name: str
    shape: Shape


Operand: TypeAlias = "Ref | Array | str | tuple[Ref | Array, ...]"
"""A value, a constant, or a tuple of both (``values`` of concat)."""


@dataclass(frozen=True)
class Op:
    """One operation, named as in MIL (https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html)."""

    kind: str
    inputs: Mapping[str, Operand]
    outputs: tuple[Ref, ...]
    layer: KerasLayer | None = None

    @property
    def output(self) -> Ref:
        """The only output, or the first of several."""
        return self.outputs[0]

    def ref(self, name: str) -> Ref:
        """Return the input `name`, which must be a value."""
        operand = self.inputs[name]
        assert isinstance(operand, Ref), f"{self.kind}.{name} is a constant"
        return operand

    def const(self, name: str, default: Any = None) -> Any:
        """Return the constant input `name` as Python numbers, or `default` where it is absent."""
        operand = self.inputs.get(name)
        if operand is None:
            return default
        return operand.tolist() if isinstance(operand, np.ndarray) else operand

    def refs(self) -> Iterator[Ref]:
        """Yield the values that this operation reads."""
        for operand in self.inputs.values():
            for part in operand if isinstance(operand, tuple) else (operand,):
                if isinstance(part, Ref):
                    yield part


@dataclass(frozen=True)
class Weight:
    """A Keras variable: its array on demand, in Keras's own order, and the layer that owns it."""

    shape: Shape
    owner: KerasLayer
    variable: str
    array: Callable[[], Array]


@dataclass(frozen=True)
class Program:
    """A traced model. The first axis of inputs and outputs is the batch, of size 1.

    `layers` are those of the Keras model, also where nothing is left of them.
    """

    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    ops: tuple[Op, ...]
    weights: Mapping[str, Weight] = field(default_factory=dict)
    layers: tuple[KerasLayer, ...] = ()

    def producers(self) -> dict[str, Op]:
        """Return the operation that makes each value, by the value's name."""
        return {ref.name: op for op in self.ops for ref in op.outputs}

    def uses(self) -> Counter[str]:
        """Return how often each value is read, a model output counting as one more."""
        counts = Counter(ref.name for op in self.ops for ref in op.refs())
        counts.update(ref.name for ref in self.outputs)
        return counts

    def constants(self) -> set[str]:
        """Return the names of the values that depend on weights alone, not on the model input."""
        known = set(self.weights)
        for op in self.ops:
            if all(ref.name in known for ref in op.refs()):
                known.update(ref.name for ref in op.outputs)
        return known


def without_dead_ops(program: Program) -> Program:
    """Return `program` without the operations that no output depends on."""
    needed = {ref.name for ref in program.outputs}
    kept = []
    for op in reversed(program.ops):
        if any(ref.name in needed for ref in op.outputs):
            kept.append(op)
            needed.update(ref.name for ref in op.refs())
    return replace(program, ops=tuple(reversed(kept)))
