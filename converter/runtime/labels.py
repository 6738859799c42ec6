"""Labels as a k-nearest-neighbours classifier keeps them: all texts, or all whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from converter.coreml import neighbors
from converter.coreml.mlmodel import Message
from converter.coreml.optimizers import LARGEST_INTEGER
from converter.coreml.pipelines import learner
from converter.errors import DataError
from converter.runtime.backend import Array

Labels: TypeAlias = list[str] | list[int]


def labels_of(model: Message, y: Any) -> Labels:
    """Return the labels `y`, ``[N]`` or ``[N, 1]``, as `model` stores them: texts or whole numbers.

    Texts of digits become numbers where the model's labels are numbers. Numbers become texts where
    its labels are texts of digits, or where it has none yet.

    Raises:
        DataError: they are something else.
    """
    array = np.asarray(y)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1:
        raise DataError(f"labels have shape {list(array.shape)}; give one for each sample")
    given = _texts(array) if array.dtype.kind in "USO" else _numbers(array)
    last = learner(model)
    classes = neighbors.read(last).classes
    if neighbors.label_type(last) == "int64":
        return [_number(label) for label in given]
    if given and not isinstance(given[0], str):
        odd = next((name for name in classes if not _is_number(str(name))), None)
        if odd is not None:
            raise DataError(
                f"labels are numbers such as {given[0]}, but the model's are texts such as "
                f"'{odd}'; give the same texts"
            )
    return [str(label) for label in given]


def _texts(array: Array) -> Sequence[str]:
    texts = [str(label) for label in array.tolist()]
    if not all(text.strip() for text in texts):
        raise DataError("a label is empty; give every class a name")
    return texts


def _numbers(array: Array) -> Sequence[int]:
    is_whole = array.dtype.kind in "iub" or (
        array.dtype.kind == "f" and (np.isfinite(array) & (array == np.floor(array))).all()
    )
    if not is_whole:
        raise DataError("labels are no whole numbers; give texts or whole numbers")
    return [_number(label) for label in array.tolist()]


def _number(label: str | float) -> int:
    if isinstance(label, str) and not _is_number(label):
        raise DataError(f"label {label!r} is a text, but the model's labels are whole numbers")
    number = int(label)
    if abs(number) > LARGEST_INTEGER:
        raise DataError(f"label {number} has more than 64 bits")
    return number


def _is_number(text: str) -> bool:
    """Tell whether `text` is how a whole number is written."""
    return text.isascii() and text.removeprefix("-").isdigit() and str(int(text)) == text
