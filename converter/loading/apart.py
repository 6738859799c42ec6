"""Weights of a file of their own go into a model that was written without them, or with others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from converter.keras_file import Arrays, Origin
from converter.loading.build import Built
from converter.loading.order import variables_of
from converter.loading.weights import Placed, fill


def fill_apart(
    model: Built, arrays: Arrays, origin: Origin, kernels: bool
) -> tuple[tuple[Placed, ...], tuple[str, ...]]:
    """Give every variable of `model` its array; return where each has it from, and what to know.

    As Keras does, layers are told by their order where the file knows them by other names: names
    such as ``dense_3`` count what a session has made before. `origin` is the Keras that wrote the
    model, and the weights as well if their file does not say. Without `kernels` these are not read.

    Raises:
        KerasFileError: an array is missing, left over, or of another shape than its variable; the
            first layer with one is named.
    """
    if arrays.version:
        origin = Origin(arrays.version, arrays.backend)
    notes: tuple[str, ...] = ()
    if arrays.by_layer and not arrays.in_order:
        known = set(_names(model))
        others = [g.name for g in arrays.root.children.values() if g.arrays and g.name not in known]
        if others:
            arrays = replace(arrays, in_order=True)
            first = next((c.stored.name for c in model.children if variables_of(c.layer)), "")
            notes = (
                f"the weights are of layers with other names ({others[0]!r}; the first layer here "
                f"is {first!r}), and went to the layers in their order, as in Keras",
            )
    return fill(model, arrays, origin, by_name=False, kernels=kernels), notes


def _names(model: Built) -> Iterator[str]:
    for child in model.children:
        yield child.stored.stored_name
        yield from _names(child)
