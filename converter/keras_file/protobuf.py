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
        KerasFileError: it is no message, or ends too early.
    """
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(message, at)
            yield key >> 3, value
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
        yield key >> 3, part if kind == 2 else int.from_bytes(part, "little")
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
