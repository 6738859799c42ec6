"""The wire form of protobuf messages: numbers, tags and lengths.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Precision: TypeAlias = Literal["float32", "float16", "int8"]
"""How weights are stored."""

PRECISIONS: tuple[Precision, ...] = get_args(Precision)

_VARINT, _FIXED64, LENGTH, _GROUP, _END_GROUP, FIXED32 = range(6)
"""What follows a tag, by the tag's lowest three bits."""

GROUPS = (_GROUP, _END_GROUP)
"""Begin and end of a group: tags that no value follows."""

_FIXED = {_FIXED64: 8, FIXED32: 4}
"""Bytes of a value of fixed size."""

_LONGEST_TAG, _LONGEST_VARINT = 5, 10
"""Bytes that the C++ reader takes for one tag or length, and for another number."""

_DEEPEST_GROUP = 100
"""Groups inside one another that the C++ reader enters."""

FLOAT_VALUE = 1
"""The number of ``WeightParams.floatValue``, the first field: its values come first."""


def prefix(number: int, length: int) -> bytes:
    """Return what precedes `length` bytes of the field `number`."""
    return _varint(number << 3 | LENGTH) + _varint(length)


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def floats_prefix(count: int) -> bytes:
    """Return what precedes `count` raw float32 values in a ``WeightParams``."""
    return prefix(FLOAT_VALUE, 4 * count)


def as_cpp_reads(data: bytes) -> tuple[bytes, int] | None:
    """Return the message that the C++ reader of protobuf takes from `data`, and where it ends.

    Python's reader refuses what C++ lets pass: bytes after a tag of 0 or after the end of a group
    that was not begun, where C++ ends a message and Core ML does not ask whether the file goes on;
    and tags of more than 32 bits, of which C++ drops those above. Such tags are written anew. None
    if C++ refuses too, as far as the outermost fields show it; what is in them is not looked at.
    https://protobuf.dev/programming-guides/encoding/#structure
    """
    place, groups, parts = 0, list[int](), list[bytes]()
    try:
        while place < len(data):
            start = place
            number, kind, place = read_tag(data, place)
            tag = _varint(number << 3 | kind)
            if not groups and (kind == _END_GROUP or number == kind == 0):
                return b"".join(parts), start
            begin = place
            if kind == _END_GROUP and number == groups[-1]:
                groups.pop()
            elif kind == _GROUP and number and len(groups) < _DEEPEST_GROUP:
                groups.append(number)
            else:
                place = end_of_field(data, place, number, kind)
            parts += (tag, data[begin:place])
    except UnreadableError:
        return None
    return None if groups or place > len(data) else (b"".join(parts), place)


class UnreadableError(Exception):
    """Bytes that the C++ reader refuses."""


def read_tag(data: bytes, place: int) -> tuple[int, int, int]:
    """Return the number of the field at `place`, the kind of its value, and where that begins.

    Raises:
        UnreadableError: the tag is cut off or too long.
    """
    tag, place = _read_varint(data, place, _LONGEST_TAG)
    return (tag & 0xFFFF_FFFF) >> 3, tag & 7, place


def read_length(data: bytes, place: int) -> tuple[int, int]:
    """Return the length that precedes a value of kind `LENGTH`, and where the value begins.

    Raises:
        UnreadableError: the length is cut off or too long.
    """
    return _read_varint(data, place, _LONGEST_TAG)


def end_of_field(data: bytes, place: int, number: int, kind: int) -> int:
    """Return where the value of a field ends that begins at `place`.

    Raises:
        UnreadableError: there is no such field or kind, or the value is cut off.
    """
    if kind == _VARINT and number:
        return _read_varint(data, place, _LONGEST_VARINT)[1]
    if kind == LENGTH and number:
        length, place = read_length(data, place)
        return place + length
    if kind in _FIXED and number:
        return place + _FIXED[kind]
    raise UnreadableError


def _read_varint(data: bytes, place: int, longest: int) -> tuple[int, int]:
    """Return the number at `place`, of up to `longest` bytes, and where it ends."""
    value = 0
    for shift, byte in enumerate(data[place : place + longest]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, place + shift + 1
    raise UnreadableError
