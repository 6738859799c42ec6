"""How far two models, or their weights, moved apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from converter.coreml.mlmodel import Floats
from converter.errors import DataError


@dataclass(frozen=True)
class Movement:
    """How far one tensor is from another, of `size` numbers.

    `largest` is the largest difference of any number. `distance` is the length of the difference
    (the root of the sum of its squares), `relative` the same as a share of the first one's length,
    infinite if that is 0 and they differ.
    """

    name: str
    shape: tuple[int, ...]
    size: int
    largest: float
    distance: float
    relative: float


def movements(
    first: Mapping[str, Floats],
    second: Mapping[str, Floats],
    names: tuple[str, str] = ("the first model", "the second model"),
) -> Iterator[Movement]:
    """Yield how far each tensor of `second` is from that of `first`, in the order of `first`.

    `names` are what messages call both.

    Raises:
        DataError: they do not have the same tensors, or not in the same shapes.
    """
    for name in (*first, *second):
        if name not in first or name not in second:
            where, lacks = names if name in first else names[::-1]
            raise DataError(
                f"'{name}' of {where} is missing in {lacks}; compare models of one kind"
            )
        if first[name].shape != second[name].shape:
            shapes = f"{list(first[name].shape)} and {list(second[name].shape)}"
            raise DataError(f"'{name}' has the shapes {shapes}; compare models of one kind")
    for name, values in first.items():
        before = values.astype(np.float64)
        gap = second[name].astype(np.float64) - before
        distance, length = float(np.linalg.norm(gap)), float(np.linalg.norm(before))
        relative = distance / length if length else (0.0 if distance == 0 else float("inf"))
        yield Movement(
            name, values.shape, values.size, float(np.abs(gap).max(initial=0)), distance, relative
        )
