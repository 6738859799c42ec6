"""In which order Keras stored the weights of a layer or nested model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from converter.backend.tensorflow import keras
from converter.errors import KerasFileError
from converter.keras_file import Dataset
from converter.loading.build import Built

KINDS = {
    "W": "kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",  # misnamed: Keras 1 kept the variance there
    **{
        kind: kind
        for kind in (
            "alpha", "beta", "bias", "depthwise_kernel", "embeddings", "gamma", "kernel", "mean",
            "moving_mean", "moving_variance", "pointwise_kernel", "recurrent_kernel", "variance",
        )
    },
}  # fmt: skip
"""How the stored name of an array ends -> name of the variable."""


def split(layer: Any) -> tuple[list[Any], list[Any]]:
    """Return the variables of an unfrozen layer that training changes, and the others."""
    if not isinstance(layer, keras.layers.Layer):  # a function in the graph
        return [], []
    return list(layer.trainable_weights), list(layer.non_trainable_weights)


def variables_of(layer: Any) -> list[Any]:
    """Return the variables of an unfrozen layer in the order in which Keras stores them."""
    trained, others = split(layer)
    return trained + others


def best_order(owner: Built, arrays: Sequence[tuple[str, Dataset]]) -> list[Any]:
    """Return the variables of a layer or nested model in the order in which Keras stored them.

    Keras stores first what is trained and then the rest; frozen layers count as the rest, but how
    a nested model was frozen is not always in the file. So each order is tried, and that one taken
    which fits the sizes and names of the arrays best.

    Raises:
        KerasFileError: even that order would give a bias to a kernel, or the like.
    """
    leaves = list(owner.leaves())
    trained = [split(leaf.layer)[0] for leaf in leaves]
    others = [split(leaf.layer)[1] for leaf in leaves]
    frozen = [not leaf.stored.trainable for leaf in leaves]
    as_frozen = [v for t, f in zip(trained, frozen, strict=True) if not f for v in t]
    for t, n, f in zip(trained, others, frozen, strict=True):
        as_frozen += [*t, *n] if f else n
    orders = [
        as_frozen,
        [v for group in trained + others for v in group],
        [v for t, n in zip(trained, others, strict=True) for v in [*t, *n]],
    ]
    owners = {id(v): leaf.stored.stored_name for leaf in leaves for v in variables_of(leaf.layer)}
    best = max(orders, key=lambda order: agreement(order, arrays, owners))  # the first of equals
    named = zip(best, arrays, strict=False)
    if len(best) == len(arrays) and any(contradicts(v, name) for v, (name, _) in named):
        raise KerasFileError(
            f"holds the arrays of {owner.stored.name!r} ({owner.stored.stored_class}) in an order "
            "that cannot be told from their names"
        )
    return best


def agreement(
    order: Sequence[Any], arrays: Sequence[tuple[str, Dataset]], owners: Mapping[int, str]
) -> tuple[int, int]:
    """Return how well `order` fits: minus the misfits, then the arrays named after their layer."""
    pairs = list(zip(order, arrays, strict=False))
    misfits = sum(
        contradicts(variable, name) or math.prod(variable.shape) != math.prod(dataset.shape)
        for variable, (name, dataset) in pairs
    )
    return -misfits, sum(owners[id(variable)] in name for variable, (name, _) in pairs)


def contradicts(variable: Any, name: str) -> bool:
    """Tell whether the stored name of an array says that it is for another kind of variable."""
    kind = stored_kind(name)
    if kind is None or variable.name not in KINDS.values():
        return False
    return not (kind.endswith(variable.name) or variable.name.endswith(kind))


def stored_kind(name: str) -> str | None:
    """Return "kernel" for "dense_1/kernel:0" or Keras 1's "dense_1_W:0"; None if unknown."""
    last = name.split(":")[0].split("/")[-1]
    matching = [end for end in KINDS if last == end or last.endswith("_" + end)]
    return KINDS[max(matching, key=len)] if matching else None
