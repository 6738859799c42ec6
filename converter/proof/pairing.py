"""Which variable of Keras each learning tensor of Core ML came from, found by equal weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from converter.backend.keras import layers_inside
from converter.coreml.keras_order import ORDERS, one_unit
from converter.coreml.mlmodel import floats
from converter.errors import ParityError
from converter.runtime.plan import Parameter
from converter.trace.program import Array


class UnpairedError(ParityError):
    """The Core ML layer `layer` has weights that no layer of the Keras model has."""

    def __init__(self, message: str, layer: str) -> None:
        super().__init__(message)
        self.layer = layer


@dataclass(frozen=True)
class Pair:
    """A tensor of Core ML and the variable of the Keras layer that it came from.

    With `is_doubled` the tensor is a zero row and the variable's row; their difference counts. It
    `is_folded` if the Keras model was changed to have such a variable.
    """

    parameter: Parameter
    layer: Any
    variable: Any
    axes: tuple[int, ...]
    is_doubled: bool
    is_folded: bool = False

    @property
    def name(self) -> str:
        """Layer and field."""
        return ".".join(self.parameter.key)

    def ours(self) -> Array:
        """Return the values in the Core ML model, ``[n]``."""
        return self.of_one_unit(floats(self.parameter.stored))

    def theirs(self) -> Array:
        """Return the values in the Keras model in the same order, ``[n]``."""
        return self.in_order(self.variable.numpy())

    def of_one_unit(self, values: Array) -> Array:
        """Return what `values` of the Core ML tensor are for the variable: of two rows the gap."""
        return one_unit(values) if self.is_doubled else values

    def in_order(self, values: Array) -> Array:
        """Return `values` of the variable in the order of Core ML, ``[n]``."""
        return np.asarray(values.transpose(self.axes).ravel())

    def put(self, values: Array) -> None:
        """Let the variable be what `values` of the Core ML tensor are."""
        shape = [self.variable.shape[axis] for axis in self.axes]
        found = self.of_one_unit(values).reshape(shape)
        self.variable.assign(found.transpose(np.argsort(self.axes)))


Fold: TypeAlias = Callable[[Sequence[Parameter], Sequence[Any], bool], list[Pair]]
"""Makes the Keras model have the tensors of a Core ML layer; returns their pairs, if it can."""


def pairs(
    parameters: Sequence[Parameter], model: Any, last_is_doubled: bool, fold: Fold
) -> list[Pair]:
    """Return the pairs of all `parameters`, in their order.

    `last_is_doubled` says that the last layer of the network holds two rows for one unit of Keras.
    `fold` is asked for layers that Keras does not have as they are.

    Raises:
        UnpairedError: a layer equals none of Keras's, so its training cannot be that of Keras.
    """
    leaves = [layer for layer in layers_inside(model) if not layers_inside(layer)]
    by_layer = itertools.groupby(parameters, key=lambda parameter: parameter.layer.name)
    groups = [list(group) for _, group in by_layer]
    return [
        pair
        for group in groups
        for pair in _layer_pairs(group, leaves, last_is_doubled and group is groups[-1], fold)
    ]


def _layer_pairs(
    group: list[Parameter], layers: Sequence[Any], is_doubled: bool, fold: Fold
) -> list[Pair]:
    """Return the pairs of one Core ML layer, with the Keras layer that has all its weights."""
    name = group[0].layer.name
    for layer in sorted(layers, key=lambda layer: bool(layer.name != name)):
        found = [next(_equal(parameter, layer, is_doubled), None) for parameter in group]
        whole = [pair for pair in found if pair is not None]
        if len(whole) == len(group):
            return whole
    if folded := fold(group, layers, is_doubled):
        return folded
    raise UnpairedError(
        f"layer '{name}': its weights are not those of any layer of the Keras model, though the "
        "predictions agree; something else than one batch normalization was folded into it, or "
        "they were changed since, so no update step can be compared",
        name,
    )


def _equal(parameter: Parameter, layer: Any, is_doubled: bool) -> Iterator[Pair]:
    for variable in layer.weights:
        for axes in ORDERS.get(len(variable.shape), ()):
            pair = Pair(parameter, layer, variable, axes, is_doubled)
            if (parameter.field == "bias") == (len(axes) == 1) and np.array_equal(
                pair.ours(), pair.theirs()
            ):
                yield pair
