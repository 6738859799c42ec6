"""The wire form of a message whose large arrays stand beside it instead of inside.

Protobuf copies an array when it enters a message and twice more when the message is serialized.
Here it goes to the file as it is; what comes out are the bytes that protobuf itself would write.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from converter.coreml.encoding import FLOAT_VALUE, prefix

_AT_ONCE = 2**24
"""Bytes of an array that are put in order at once."""


def _as_float32(rows: npt.NDArray[Any], start: int) -> npt.NDArray[Any]:
    return np.asarray(rows, "<f4")


@dataclass(frozen=True)
class Encoded:
    """An array, and how its values go to the file, each in `itemsize` bytes: by default as float32.

    `field` is the number of the field of ``WeightParams``; `encode` makes what is written of some
    rows, the first of which is row `start`. So that no whole copy is made, it is asked at writing.
    """

    array: npt.NDArray[Any]
    field: int = FLOAT_VALUE
    encode: Callable[[npt.NDArray[Any], int], npt.NDArray[Any]] = _as_float32
    itemsize: int = 4

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.itemsize * self.array.size


Chunk: TypeAlias = "bytes | Encoded"


def size(chunks: list[Chunk]) -> int:
    """Return how many bytes the `chunks` take in the file."""
    return sum(len(chunk) if isinstance(chunk, bytes) else chunk.size for chunk in chunks)


def octets(chunk: Chunk) -> Iterator[bytes | memoryview]:
    """Yield what to write for a chunk: an array's values in C order, little-endian.

    An array in another order or another precision is written a few rows at a time.
    """
    if isinstance(chunk, bytes):
        yield chunk
        return
    array = chunk.array
    as_it_is = array.flags.c_contiguous and chunk.encode is _as_float32
    rows = len(array) if as_it_is else max(1, _AT_ONCE * len(array) // max(1, 4 * array.size))
    for start in range(0, len(array), rows or 1):
        yield np.ascontiguousarray(chunk.encode(array[start : start + rows], start)).data


def chunks(message: Any, arrays: Mapping[int, Encoded]) -> Iterator[Chunk]:
    """Yield the wire form of `message` in the order of its fields.

    `arrays` gives, by the ``id`` of a ``WeightParams`` inside `message`, the values that it does
    not hold itself. The caller keeps these parts alive.
    """
    if id(message) in arrays:
        array = arrays[id(message)]
        yield prefix(array.field, array.size)
        yield array
        yield message.SerializeToString(deterministic=True)
        return
    for field, value in message.ListFields():
        parts = _messages(field, value)
        if any(_holds(part, arrays) for part in parts):
            for part in parts:
                inner = list(chunks(part, arrays))
                yield prefix(field.number, size(inner))
                yield from inner
        else:
            alone = type(message)(**{field.name: value})
            yield alone.SerializeToString(deterministic=True)


def _messages(field: Any, value: Any) -> list[Any]:
    """Return the messages in a field: none, one, or those of a repeated field."""
    if field.message_type is None or field.message_type.GetOptions().map_entry:
        return []
    return [value] if hasattr(value, "ListFields") else list(value)


def _holds(message: Any, arrays: Mapping[int, Encoded]) -> bool:
    """Tell whether one of the `arrays` belongs to `message` or to a part of it."""
    return id(message) in arrays or any(
        _holds(part, arrays)
        for field, value in message.ListFields()
        for part in _messages(field, value)
    )
