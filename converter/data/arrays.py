"""Arrays as inputs of a model: read from ``.npz`` files, checked, converted row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter.coreml.mlmodel import Message
from converter.data.layout import Layout, check_pixels, to_core_ml
from converter.errors import DataError, reason
from converter.files.kinds import ZIP_ERRORS, refuse_special
from converter.runtime.backend import Array, Integers
from converter.runtime.history import Labelled
from converter.runtime.sources import ArraySamples, Samples

NPY = b"\x93NUMPY"
"""How a single array starts
(https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)."""

ROWS_AT_ONCE = 4096
"""Samples that are looked at together when an array is searched for NaN."""


@dataclass(frozen=True)
class Reading:
    """How arrays are to be understood: their layout, and a factor on their values."""

    layout: Layout = "auto"
    scale: float = 1.0


AS_STORED = Reading()


@dataclass(frozen=True)
class Converted:
    """An array whose rows are converted when they are read."""

    rows: Any
    convert: Callable[[Array], Array]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, indices: Integers) -> Array:
        return self.convert(np.asarray(self.rows[indices]))


def converted(rows: Any, feature: Message, how: Reading) -> Converted:
    """Return an array as the input `feature` takes it.

    Raises:
        DataError: its shape or its values do not fit.
        UsageError: its layout must be told.
    """
    turn = to_core_ml(feature, tuple(rows.shape), how.layout)
    if feature.type.WhichOneof("Type") == "imageType":
        check_pixels(feature, rows.dtype, _span(rows), how.scale)

    def convert(part: Array) -> Array:
        turned = turn(part)
        return turned if how.scale == 1 else turned.astype(np.float32) * np.float32(how.scale)

    return Converted(rows, convert)


def _span(rows: Any) -> tuple[float, float]:
    """Return the lowest and the highest value; of pictures that are read later, what may be."""
    if not isinstance(rows, np.ndarray) or not rows.size:
        return 0.0, 255.0
    return float(rows.min()), float(rows.max())


def stored_arrays(path: Path) -> dict[str, Array]:
    """Return the arrays in the ``.npz`` file `path` by name.

    Raises:
        DataError: the file cannot be read.
    """
    refuse_special(path, DataError)
    try:
        with path.open("rb") as file:  # NumPy does not close the file of a damaged archive
            start = file.read(len(NPY))
            if start == NPY:
                raise DataError(f"{path}: holds one array; an .npz archive with x and y is needed")
            if not start.startswith(b"PK"):
                what = "not one" if start else "empty"
                raise DataError(f"{path}: cannot be read as an .npz archive (it is {what})")
            file.seek(0)
            stored = np.load(file, allow_pickle=False)
            return {name: _member(path, stored, name) for name in stored.files}
    except (MemoryError, *ZIP_ERRORS) as error:
        why = reason(error, "it is damaged or cut off")
        raise DataError(f"{path}: cannot be read as an .npz archive ({why})") from error


def _member(path: Path, stored: Mapping[str, Array], name: str) -> Array:
    """Return an array of an archive; NumPy's advice for one of objects is to run what it holds."""
    try:
        return stored[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise DataError(
            f"{path}: {name} holds Python objects, which are not loaded; store it as numbers, or "
            "texts: np.array(labels, dtype=str)"
        ) from error


def labelled_of(
    path: Path, arrays: Mapping[str, Array], suffix: str, model: Message, how: Reading
) -> Labelled:
    """Return the samples and labels whose arrays end in `suffix`, such as ``"_train"``.

    Raises:
        DataError: one is missing, or they do not fit.
    """
    samples = samples_of(path, arrays, suffix, model, how)
    y = _one_of(path, arrays, [f"{name}{suffix}" for name in _answers(model)])
    if len(y) != len(samples):
        raise DataError(f"{path}: holds {len(samples)} samples, but {len(y)} labels")
    return Labelled(samples, y)


def samples_of(
    path: Path, arrays: Mapping[str, Array], suffix: str, model: Message, how: Reading
) -> Samples:
    """Return the samples whose arrays end in `suffix`, and are named after the inputs, or ``x``.

    Raises:
        DataError: one is missing, or does not fit the model.
    """
    inputs = list(model.description.input)
    columns = {}
    for feature, names in zip(inputs, keys(model, suffix), strict=True):
        array = _one_of(path, arrays, names, keys(model, suffix))
        _refuse_nan(array, f"{path}: {feature.name}")
        columns[feature.name] = converted(array, feature, how)
    lengths = sorted({len(column) for column in columns.values()})
    if len(lengths) > 1:
        raise DataError(f"{path}: the inputs have different lengths: {lengths}")
    return ArraySamples(columns)


def keys(model: Message, suffix: str = "") -> list[Sequence[str]]:
    """Return for each input of `model` the names that its array may have, ending in `suffix`.

    That is the name of the input; of the only one ``x``, too.
    """
    inputs = list(model.description.input)
    others = [f"x{suffix}"] if len(inputs) == 1 else []
    return [(f"{feature.name}{suffix}", *others) for feature in inputs]


def _answers(model: Message) -> list[str]:
    """Return how answers are called: ``y``, or as the training input where an input is ``y``."""
    inputs = [feature.name for feature in model.description.input]
    others = [f.name for f in model.description.trainingInput if f.name not in inputs]
    return ["y"] if "y" not in inputs else others


def _one_of(
    path: Path,
    arrays: Mapping[str, Array],
    names: Sequence[str],
    wanted: Sequence[Sequence[str]] = (),
) -> Array:
    for name in names:
        if name in arrays and arrays[name].ndim:
            return arrays[name]
    has = ", ".join(arrays) or "nothing"
    several = (
        f"; the model has {len(wanted)} inputs, so arrays are called as these are: "
        + ", ".join(name for name, *_ in wanted)
        if len(wanted) > 1
        else ""
    )
    raise DataError(f"{path}: holds no array {' or '.join(names)}{several}; it has {has}")


def _refuse_nan(array: Array, where: str) -> None:
    if array.dtype.kind not in "iufb":
        raise DataError(f"{where}: holds {array.dtype} instead of numbers")
    if array.dtype.kind != "f":
        return
    for start in range(0, len(array), ROWS_AT_ONCE):
        rows = array[start : start + ROWS_AT_ONCE]
        if not np.isfinite(rows).all():
            bad = np.flatnonzero(~np.isfinite(rows.reshape(len(rows), -1)).all(axis=1))
            raise DataError(f"{where}: sample {start + int(bad[0])} holds NaN or infinity")
