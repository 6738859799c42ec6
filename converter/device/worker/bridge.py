"""Results, errors, file URLs and arrays between Python and Core ML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from CoreML import MLMultiArray
from Foundation import NSURL, NSArray, NSNumber
from numpy.lib.stride_tricks import as_strided

DTYPES = {65552: "<f2", 65568: "<f4", 65600: "<f8", 131104: "<i4"}
"""``MLMultiArrayDataType`` -> NumPy's."""


class CoreMLError(Exception):
    """Core ML has returned an error, or nothing where there should be something."""


def need(pair: tuple[Any, Any], what: str) -> Any:
    """Return the result of a call that gives (result, NSError), if there is one.

    A nil result without an error happens too: https://github.com/apple/coremltools/issues/913
    """
    result, error = pair
    if error is not None:
        raise CoreMLError(f"{what}: {describe(error)}")
    if result is None or result is False:
        raise CoreMLError(f"{what}: Core ML returned nothing, and no error")
    return result


def describe(error: Any) -> str:
    """Return an NSError in one line."""
    return f"{error.localizedDescription()} ({error.domain()} {error.code()})"


def url(path: Path) -> Any:
    """Return a file URL."""
    return NSURL.fileURLWithPath_(str(path))


def multi_array(values: Any, dtype: int) -> Any:
    """Return `values` as an ``MLMultiArray`` of the same shape."""
    shape = NSArray.arrayWithArray_([NSNumber.numberWithLongLong_(n) for n in values.shape])
    created = MLMultiArray.alloc().initWithShape_dataType_error_(shape, dtype, None)
    array = need(created, "an array could not be made")
    view(array)[...] = values
    return array


def view(array: Any) -> Any:
    """Return the memory of an ``MLMultiArray``, by its own strides; valid as long as it lives."""
    shape = [int(n) for n in array.shape()]
    strides = [int(n) for n in array.strides()]
    dtype = np.dtype(DTYPES[int(array.dataType())])
    span = 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    memory = array.dataPointer().as_buffer(span * dtype.itemsize)
    flat = np.frombuffer(memory, dtype, span)
    return as_strided(flat, shape, [step * dtype.itemsize for step in strides])


def copied(array: Any) -> Any:
    """Return the values of an ``MLMultiArray``, flat, in memory of their own."""
    return np.array(view(array)).ravel()
