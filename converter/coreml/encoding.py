"""The wire form of protobuf messages: numbers, tags and lengths.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

_VARINT, _FIXED64, _LENGTH, _GROUP, _END_GROUP, _FIXED32 = range(6)
"""What follows a tag, by the tag's lowest three bits."""

_FLOAT_VALUE = 1
"""The number of ``WeightParams.floatValue``, the first field: its values come first."""


def prefix(number: int, length: int) -> bytes:
    """Return what precedes `length` bytes of the field `number`."""
    return _varint(number << 3 | _LENGTH) + _varint(length)


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def floats_prefix(count: int) -> bytes:
    """Return what precedes `count` raw float32 values in a ``WeightParams``."""
    return prefix(_FLOAT_VALUE, 4 * count)


def end_of_message(data: bytes) -> int | None:
    """Return where the C++ reader of protobuf ends a message early, None if it does not.

    It stops at a tag of 0 or at the end of a group, and Core ML does not ask whether the file goes
    on. Python's reader refuses such bytes.
    https://protobuf.dev/programming-guides/encoding/#structure
    """
    place = 0
    while place < len(data):
        start = place
        tag, place = _read_varint(data, place)
        kind = tag & 7
        if tag == 0 or kind == _END_GROUP:
            return start
        if kind == _VARINT:
            _, place = _read_varint(data, place)
        elif kind == _LENGTH:
            length, place = _read_varint(data, place)
            place += length
        elif kind in (_FIXED64, _FIXED32):
            place += 8 if kind == _FIXED64 else 4
        else:
            return None
    return None


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at `place` and where it ends; a number that is cut off ends the data."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            return 1, len(data)
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    return 1, len(data)
