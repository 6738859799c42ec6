"""The wire form of a message whose large arrays stand beside it instead of inside.

Protobuf copies an array when it enters a message and twice more when the message is serialized.
Here it goes to the file as it is; what comes out are the bytes that protobuf itself would write.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from converter.coreml.encoding import floats_prefix, prefix

Chunk: TypeAlias = "bytes | npt.NDArray[np.float32]"

_AT_ONCE = 2**24
"""Bytes of an array that are put in order at once."""


def size(chunks: list[Chunk]) -> int:
    """Return how many bytes the `chunks` take in the file; arrays count as float32."""
    return sum(len(c) if isinstance(c, bytes) else 4 * c.size for c in chunks)


def octets(chunk: Chunk) -> Iterator[bytes | memoryview]:
    """Yield what to write for a chunk: an array's values in C order, float32, little-endian.

    An array in another order is put in order a few rows at a time.
    """
    if isinstance(chunk, bytes):
        yield chunk
    elif chunk.flags.c_contiguous:
        yield np.asarray(chunk, "<f4").data
    else:
        rows = max(1, _AT_ONCE * len(chunk) // (4 * chunk.size))
        for start in range(0, len(chunk), rows):
            yield np.ascontiguousarray(chunk[start : start + rows], "<f4").data


def chunks(message: Any, arrays: Mapping[int, npt.NDArray[np.float32]]) -> Iterator[Chunk]:
    """Yield the wire form of `message` in the order of its fields.

    `arrays` gives, by the ``id`` of a ``WeightParams`` inside `message`, the float values that it
    does not hold itself. The caller keeps these parts alive.
    """
    if id(message) in arrays:
        array = arrays[id(message)]
        yield floats_prefix(array.size)
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


def _holds(message: Any, arrays: Mapping[int, Any]) -> bool:
    """Tell whether one of the `arrays` belongs to `message` or to a part of it."""
    return id(message) in arrays or any(
        _holds(part, arrays)
        for field, value in message.ListFields()
        for part in _messages(field, value)
    )
