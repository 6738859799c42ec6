"""The wire form of protobuf messages, field by field: no message class, no copy, nothing run.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from converter.errors import KerasFileError
from converter.keras_file.content import DAMAGED

Value: TypeAlias = "int | memoryview"
"""A number, or the bytes of a text or of a message inside."""

FIXED = {1: 8, 5: 4}
"""Kind of field -> bytes of its number."""

MOST_FIELDS = 2**21
"""Fields of one message: a model has an object in each of a few thousand."""

LONGEST = 10
"""Bytes of a number of 64 bits, seven of them in each."""


def varint(octets: memoryview, at: int) -> tuple[int, int]:
    """Return the number that starts at byte `at`, and where the next thing starts.

    Raises:
        KerasFileError: there is none.
    """
    number = 0
    for place, octet in enumerate(octets[at : at + LONGEST]):
        number |= (octet & 0x7F) << (7 * place)
        if octet < 0x80:
            return number, at + place + 1
    raise KerasFileError(DAMAGED)


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield the number and the value of each field of `message`, in order.

    Raises:
        KerasFileError: it is no message, or ends too early, or has far too many fields.
    """
    at = count = 0
    while at < len(message):
        key, at = varint(message, at)
        number, kind, count = key >> 3, key & 7, count + 1
        if not number or count > MOST_FIELDS:
            raise KerasFileError(DAMAGED)
        if kind == 0:
            value, at = varint(message, at)
            yield number, value
            continue
        if kind == 2:
            size, at = varint(message, at)
        elif kind in FIXED:
            size = FIXED[kind]
        else:
            raise KerasFileError(DAMAGED)
        if at + size > len(message):
            raise KerasFileError(DAMAGED)
        part = message[at : at + size]
        yield number, part if kind == 2 else int.from_bytes(part, "little")
        at += size


def messages(message: memoryview, number: int) -> Iterator[memoryview]:
    """Yield the texts, or the messages inside, of the field `number`."""
    for found, value in fields(message):
        if found == number and isinstance(value, memoryview):
            yield value


def text(message: memoryview, number: int) -> str:
    """Return the last text of the field `number`, empty if there is none.

    Raises:
        KerasFileError: it is none.
    """
    found = ""
    for value in messages(message, number):
        try:
            found = str(value, "utf-8")
        except UnicodeDecodeError as error:
            raise KerasFileError(DAMAGED) from error
    return found


def signed(number: int) -> int:
    """Return what a varint of 64 bits stands for where numbers may be negative."""
    return number - 2**64 if number >= 2**63 else number
