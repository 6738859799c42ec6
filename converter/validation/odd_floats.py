"""Floats that are no numbers: told from the bytes of a file, so that large files take no time.

A float32 is NaN or infinite only if its highest byte is 7f or ff, which no weight of a sane size
has: it would be 1.7e38 or more. Every fourth byte of an array is taken out and searched, 100 MB in
a twentieth of a second. Only where such a byte occurs are the values themselves looked at.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from converter.coreml import encoding, mlmodel
from converter.coreml.mlmodel import Message

_AT_ONCE = 2**16
"""Bytes of an array that are looked at together: they stay in the processor's cache."""

_FLOAT = FieldDescriptor.CPPTYPE_FLOAT
_HALF = "float16Value"
"""The field of ``WeightParams`` that holds float16 values as bytes."""

_SUSPECT: dict[Any, tuple[int, bytes]] = {
    _FLOAT: (4, b"\x7f\xff"),
    _HALF: (2, b"\x7c\x7d\x7e\x7f\xfc\xfd\xfe\xff"),
}
"""Of an array: the bytes of a value, and the highest bytes that NaN and infinity have."""


def may_be_odd(data: bytes) -> bool:
    """Tell whether a float array in the serialized ``Model`` `data` may hold NaN or infinity."""
    rest = [(0, len(data), mlmodel.Model_pb2.Model.DESCRIPTOR)]
    while rest:
        place, end, descriptor = rest.pop()
        fields = _fields(descriptor)
        while place < end:
            number, kind, place = encoding.read_tag(data, place)
            inside = fields.get(number)
            if kind == encoding.LENGTH:
                length, start = encoding.read_length(data, place)
                place = start + length
            elif kind not in encoding.GROUPS:  # fields of an unknown group count as others
                start, place = place, encoding.end_of_field(data, place, number, kind)
            if inside in _SUSPECT:
                if kind in (encoding.LENGTH, encoding.FIXED32) and _is_suspect(
                    data, start, place, *_SUSPECT[inside]
                ):
                    return True
            elif inside is not None and kind == encoding.LENGTH:
                rest.append((start, place, inside))
    return False


def _is_suspect(data: bytes, start: int, end: int, width: int, highest: bytes) -> bool:
    for place in range(start, end, _AT_ONCE):
        part = data[place + width - 1 : min(place + _AT_ONCE, end) : width]
        if any(byte in part for byte in highest):
            return True
    return False


@cache
def _fields(descriptor: Any) -> dict[int, Any]:
    """Return by number the fields of a message that are messages or hold arrays of floats.

    Not `field.is_repeated`: protobuf has it from 6.31 on, TensorFlow 2.18 asks for less.
    """
    found: dict[int, Any] = {}
    for field in descriptor.fields:
        if field.message_type is not None:
            found[field.number] = field.message_type
        elif field.cpp_type == _FLOAT and field.default_value == []:
            found[field.number] = _FLOAT
        elif field.name == _HALF:
            found[field.number] = _HALF
    return found


def odd_values(message: Message, without: Iterable[str] = ()) -> Iterator[float]:
    """Yield each NaN and infinity in the arrays of `message` and its parts.

    Parts of the types named in `without` are left out.
    """
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            parts = [value] if hasattr(value, "ListFields") else value
            if field.message_type.name not in without:
                for part in parts:
                    yield from odd_values(part, without)
        elif field.name == _HALF:
            halves = value[: len(value) // 2 * 2]
            yield from (v for (v,) in struct.iter_unpack("<e", halves) if not math.isfinite(v))
        elif field.cpp_type == _FLOAT and not isinstance(value, float):
            yield from (v for v in value if not math.isfinite(v))
