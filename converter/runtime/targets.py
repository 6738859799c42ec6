"""What the network shall answer: labels or values of the user, as the loss takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converter.coreml.features import labels
from converter.coreml.mlmodel import CROSS_ENTROPY, Message
from converter.errors import DataError, first_of
from converter.runtime.backend import Array
from converter.runtime.plan import Plan

BlobShape = tuple[int, int, int]
"""Height, width, channels."""


def targets(model: Message, plan: Plan, y: Any, shape: BlobShape) -> Array:
    """Return `y` as the loss takes it: class indices ``[N]``, or values ``[N, H, W, C]``.

    `shape` is that of the blob that the loss is computed from. Classes are given as indices, as
    the labels of a classifier, or one-hot ``[N, C]``.

    Raises:
        DataError: a label is not one of the model's, or values do not have the output's shape.
    """
    array = np.asarray(y)
    if plan.loss != CROSS_ENTROPY:
        return _values(array, shape)
    if shape[:2] != (1, 1):
        raise DataError(f"the loss is computed from {list(shape)} values, not one per class")
    indices = _indices(array, shape[2], labels(model))
    outside = np.flatnonzero((indices < 0) | (indices >= shape[2]))
    if outside.size:
        first = int(outside[0])
        raise DataError(
            f"label {indices[first]} of sample {first} is not a class: "
            f"they go from 0 to {shape[2] - 1}"
        )
    return indices.astype(np.int32)


def _indices(y: Array, classes: int, names: Sequence[str] | Sequence[int] | None) -> Array:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2:
        return _from_one_hot(y, classes)
    if y.ndim != 1:
        raise DataError(f"labels have shape {list(y.shape)}; give one for each sample")
    if names and (y.dtype.kind in "USO" or isinstance(names[0], int)):
        return _by_name(y, names)
    if y.dtype.kind in "USO":
        raise DataError(f"labels are names such as {str(y[0])!r}, but the model has no class names")
    if y.dtype.kind not in "iub" and not np.array_equal(y, np.floor(y)):
        raise DataError("labels are fractions; give the index of a class for each sample")
    absurd = np.flatnonzero((y < -(2**31)) | (y >= 2**31))  # a conversion makes others of them
    if absurd.size:
        first = int(absurd[0])
        raise DataError(f"label {y[first]:g} of sample {first} is not the index of a class")
    return y.astype(np.int64)


def _from_one_hot(y: Array, classes: int) -> Array:
    is_one_hot = np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1)
    if y.shape[1] != classes or not is_one_hot:
        raise DataError(
            f"labels have shape {list(y.shape)}; give one class for each sample, "
            f"or one-hot rows of {classes}"
        )
    return np.asarray(y.argmax(axis=1))


def _by_name(y: Array, names: Sequence[str] | Sequence[int]) -> Array:
    index = {name: i for i, name in enumerate(names)}
    kind = type(names[0])
    try:
        return np.array([index[kind(label)] for label in y.tolist()], np.int64)
    except (KeyError, ValueError) as error:
        raise DataError(_foreign(y, names)) from error


def _foreign(y: Array, names: Sequence[str] | Sequence[int]) -> str:
    """Return what is said of labels of which some are none of `names`, all the model knows."""
    known = set(map(str, names))
    odd = sorted({str(label) for label in y.tolist()} - known)
    told = first_of(map(repr, odd))
    what = f"label {told} is" if len(odd) == 1 else f"labels {told} are"
    return (
        f"{what} not one of the model's {len(names)}: {first_of(names)}; rename or remove them, or "
        "convert the Keras model with a class for each (--classes)"
    )


def _values(y: Array, shape: BlobShape) -> Array:
    height, width, channels = shape
    declared = (channels,) if (height, width) == (1, 1) else (channels, height, width)
    if [n for n in y.shape[1:] if n > 1] == [n for n in declared if n > 1]:
        y = y.reshape(len(y), *declared)  # axes of size one come and go
    if y.shape[1:] != declared or y.dtype.kind not in "iufb":
        raise DataError(
            f"target values have shape {list(y.shape)}, but the model's output is "
            f"[N, {', '.join(map(str, declared))}]"
        )
    if not np.all(np.isfinite(y)):
        raise DataError("target values hold NaN or infinity")
    blob = y.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(blob, np.float32)
