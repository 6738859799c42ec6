"""Where learned weights belong in Keras: the variables that a layer came from, and what was folded.

A convolution or dense layer of Core ML computes ``scale * (W (p x + q) + b) + shift`` where batch
normalizations were folded into it: its kernel is ``scale W p``, its bias the rest. Undone, W and b
are the learned ones of Keras, and the normalizations stay as they are. Where the layer has no b,
what it has learned goes into ``beta`` of the one normalization behind it, of which ``shift`` is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.coreml.keras_order import KerasOrder, axes_in, one_unit
from converter.coreml.mlmodel import Floats
from converter.errors import UnsupportedError
from converter.lower.weighted import Weighted
from converter.trace.program import Array, KerasLayer

CLOSE = 1e-5
"""How far the weights of a fresh conversion, undone, may be from Keras's own, of the largest."""


@dataclass(frozen=True)
class Home:
    """The variables of one layer: its kernel, its bias, and ``beta`` behind it, None if not there.

    `made` is the layer as it is converted from them, `is_doubled` if as two rows for one unit.
    """

    made: Weighted
    kernel: Any
    bias: Any | None
    beta: Any | None
    is_doubled: bool

    @property
    def order(self) -> KerasOrder:
        """How Core ML stores the kernel."""
        shape, stored = tuple(self.kernel.shape), self._shape
        return KerasOrder(shape, axes_in(shape, stored))

    @property
    def _shape(self) -> tuple[int, ...]:
        outputs, *rest = self.made.weights.shape
        return (outputs // 2 if self.is_doubled else outputs, *rest)

    def learned(self, weights: Floats, bias: Floats | None) -> Iterator[tuple[Any, Array]]:
        """Yield variables and the values, in 64 bits, that make Core ML's layer from them.

        `weights` and `bias` are those of Core ML, ``[n]``.

        Raises:
            UnsupportedError: what was folded cannot be undone.
        """
        kernel = self._kernel(weights)
        yield self.kernel, self.order.to_keras(kernel.ravel())
        if bias is None:
            return
        around, rest = self.made.around, self._without_inputs(kernel, bias)
        if self.bias is not None:
            yield self.bias, (rest - around.shift) / around.scale
            return
        fresh = np.asarray(self.made.bias, np.float32)
        moved = rest - self._without_inputs(self._kernel(self.made.weights.ravel()), fresh)
        if not moved.any():
            return
        if self.beta is None:
            raise UnsupportedError(
                f"{self.made.keras}: has learned a bias, but has none in Keras, and no batch "
                "normalization behind it with a beta could take that; give the layer a bias"
            )
        yield self.beta, np.asarray(self.beta, np.float64) + moved

    def _kernel(self, weights: Floats) -> Array:
        """Return the kernel without what was folded into it, in Core ML's shape, in 64 bits."""
        unit = one_unit(weights) if self.is_doubled else weights
        kernel = unit.reshape(self._shape).astype(np.float64)
        around = self.made.around
        behind, before = self._by_output(around.scale), self._by_input(around.before_scale)
        return np.asarray(kernel / behind / before)

    def _without_inputs(self, kernel: Array, bias: Floats) -> Array:
        """Return the bias without what the arithmetic before the layer adds to it."""
        own = (one_unit(bias) if self.is_doubled else bias).astype(np.float64)
        around = self.made.around
        added = (kernel * self._by_input(around.before_shift)).reshape(len(kernel), -1).sum(axis=1)
        return np.asarray(own - around.scale * added)

    def _by_output(self, values: Array | float) -> Array:
        return np.reshape(values, (-1, *[1] * (len(self._shape) - 1)))

    def _by_input(self, values: Array | float) -> Array:
        """Return `values`, one for each input, as they belong to the kernel's groups."""
        outputs, per_group = self._shape[:2]
        each = np.broadcast_to(values, np.size(values)).astype(np.float64)
        if each.size == 1:
            return each.reshape([1] * len(self._shape))
        by_group = each.reshape(-1, per_group).repeat(outputs * per_group // each.size, axis=0)
        return by_group.reshape(outputs, per_group, *[1] * (len(self._shape) - 2))


def home(made: Weighted, variables: Mapping[int, Any], owner: Callable[[Any], KerasLayer]) -> Home:
    """Return the home of the layer `made` among the live `variables`, each of which has an owner.

    Raises:
        UnsupportedError: it is not made of a kernel, or in a way that cannot be undone.
    """
    _check_factors(made)
    own = [variable for variable in variables.values() if owner(variable) == made.keras]
    for kernel in own:
        size, is_matrix = math.prod(kernel.shape), len(kernel.shape) == 2
        is_unit = is_matrix and kernel.shape[-1] == 1 and made.weights.size == 2 * size
        if len(kernel.shape) > 1 and (is_unit or made.weights.size == size):
            found = Home(made, kernel, _bias(own, made), _beta(variables, owner, made), is_unit)
            if _is_undone(found):
                return found
    raise UnsupportedError(
        f"{made.keras}: its kernel is computed in Keras from more than its own weights and a "
        "normalization behind it, so what was learned cannot be put back"
    )


def _check_factors(made: Weighted) -> None:
    if not (np.all(made.around.scale) and np.all(made.around.before_scale)):
        raise UnsupportedError(
            f"{made.keras}: a factor of what was folded into it, "
            f"{', '.join(map(str, made.folded))}, is zero, so what it has learned there cannot be "
            "told; let other layers learn"
        )


def _bias(own: list[Any], made: Weighted) -> Any | None:
    if made.name.endswith("__depthwise"):  # of a separable convolution the second part has it
        return None
    return next((v for v in own if v.name == "bias" and len(v.shape) == 1), None)


def _beta(
    variables: Mapping[int, Any], owner: Callable[[Any], KerasLayer], made: Weighted
) -> Any | None:
    """Return ``beta`` of the only layer folded into `made`, a normalization behind it."""
    if len(made.folded) != 1 or made.absorbs:
        return None
    (norm,) = made.folded
    if norm.class_name != "BatchNormalization":
        return None
    named = (v for v in variables.values() if owner(v) == norm and v.name == "beta")
    return next(named, None)


def _is_undone(found: Home) -> bool:
    """Tell whether the fresh layer, undone, gives the very variables that it was made of."""
    made = found.made
    bias = None if made.bias is None else np.asarray(made.bias, np.float32)
    weights = np.ascontiguousarray(made.weights, np.float32).ravel()
    return all(
        _is_close(values, np.asarray(variable, np.float64))
        for variable, values in found.learned(weights, bias)
    )


def _is_close(values: Array, expected: Array) -> bool:
    limit = CLOSE * max(float(np.abs(expected).max(initial=0)), 1e-6)
    return values.shape == expected.shape and float(np.abs(values - expected).max()) <= limit
