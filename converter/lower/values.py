"""What is known of a traced program's values before it is lowered."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from converter.lower.constants import evaluate
from converter.trace.program import Array, KerasLayer, Operand, Program, Ref, Weight

KERNEL_KINDS = ("conv", "conv_transpose", "matmul")
"""Operations with a kernel."""

MOVES = ("identity", "transpose", "reshape", "expand_dims", "squeeze")
"""Operations that only move numbers."""


class Values:
    """Which values of `program` are constant, what these hold, and what changes in training."""

    def __init__(self, program: Program, updatable: Collection[KerasLayer] = ()) -> None:
        self._weights = program.weights
        self._producers = program.producers()
        self._constants = program.constants()
        self._trained = _trained(program, updatable)
        self._arrays: dict[str, Array] = {}

    def is_constant(self, operand: Operand) -> bool:
        """Return whether `operand` depends on weights alone."""
        return not isinstance(operand, Ref) or operand.name in self._constants

    def array(self, operand: Operand) -> Array:
        """Return the value of a constant operand, evaluated once."""
        if not isinstance(operand, Ref):
            return np.asarray(operand)
        if operand.name not in self._arrays:
            weight = self._weights.get(operand.name)
            self._arrays[operand.name] = (
                weight.array() if weight else evaluate(self._producers[operand.name], self.array)
            )
        return self._arrays[operand.name]

    def weight(self, operand: Operand) -> Weight | None:
        """Return the first Keras variable that a constant operand is made of, None without any."""
        if not isinstance(operand, Ref):
            return None
        weight = self._weights.get(operand.name)
        if weight:
            return weight
        return next(filter(None, map(self.weight, self._producers[operand.name].refs())), None)

    def is_stored(self, operand: Operand) -> bool:
        """Return whether `operand` is a Keras variable, perhaps with its axes in another order."""
        if not isinstance(operand, Ref) or operand.name in self._weights:
            return isinstance(operand, Ref)
        made = self._producers.get(operand.name)
        return made is not None and made.kind in MOVES and all(map(self.is_stored, made.refs()))

    def is_trained(self, ref: Ref) -> bool:
        """Return whether `ref` changes when the updatable layers learn."""
        return ref.name in self._trained


def _trained(program: Program, updatable: Collection[KerasLayer]) -> set[str]:
    """Return the names of the values downstream of the weights of `updatable` layers."""
    found = {name for name, weight in program.weights.items() if weight.owner in updatable}
    for op in program.ops:
        # A kernel that the trace kept constant leaves no weight to find: the layer itself tells.
        learns = op.kind in KERNEL_KINDS and op.layer in updatable
        if learns or any(ref.name in found for ref in op.refs()):
            found.update(ref.name for ref in op.outputs)
    return found
