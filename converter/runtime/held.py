"""The weights that learn, held as TensorFlow variables in the order that training is fastest in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converter.coreml.mlmodel import Floats
from converter.runtime.backend import Rearranged, Tensor, tf
from converter.runtime.plan import Parameter, Plan
from converter.runtime.strands import STRANDS
from converter.runtime.weights import values as stored_values

LEAST_OUTPUTS = 64
"""A matrix with fewer outputs is not worth a division into blocks."""


class Held:
    """One parameter that learns.

    Kernels ``[out, C, kh, kw]`` are held as TensorFlow computes with them, ``[kh, kw, C, out]``.
    Where the matrices ``[out, in]`` do the work of a step (`by_outputs`), they are held in blocks
    ``[in, out_i]``, which are multiplied, differentiated and updated side by side. All else is held
    as it is stored.
    """

    def __init__(self, parameter: Parameter, by_outputs: bool) -> None:
        self.parameter = parameter
        values = stored_values(parameter.layer, parameter.field, parameter.shape)
        self._axes = _axes(values.ndim, by_outputs)
        divide = values.ndim == 2 and by_outputs and len(values) >= STRANDS * LEAST_OUTPUTS
        blocks = np.array_split(values.transpose(self._axes), STRANDS if divide else 1, axis=-1)
        self.variables = [tf.Variable(block) for block in blocks]

    def weight(self) -> Tensor | Rearranged:
        """Return the variables as the layers take them."""
        if self._axes != tuple(range(len(self._axes))):
            return Rearranged(self.variables)
        return self.variables[0]

    def stored(self, blocks: Sequence[Tensor]) -> Floats:
        """Return `blocks`, one like each of `variables`, in the order of the file, flat."""
        joined = np.concatenate([block.numpy() for block in blocks], axis=-1)
        found: Floats = joined.transpose(np.argsort(self._axes)).ravel()
        return found


def starts_with_matrices(plan: Plan) -> bool:
    """Tell whether the layers that learn begin with inner products."""
    lowest = [layer for layer in plan.learning if set(layer.input) & set(plan.features)]
    return all(layer.kind == "innerProduct" for layer in lowest)


def _axes(count: int, by_outputs: bool) -> tuple[int, ...]:
    """Return which axis, as stored, is held at each place."""
    if count == 4:
        return 2, 3, 1, 0
    return (1, 0) if count == 2 and by_outputs else tuple(range(count))
