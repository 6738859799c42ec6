"""Tables in LevelDB's format, as the ``.index`` of a TensorFlow checkpoint is one.

https://github.com/google/leveldb/blob/main/doc/table_format.md
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.errors import KerasFileError
from converter.keras_file.content import DAMAGED
from converter.keras_file.protobuf import varint

MAGIC = 0xDB4775248B80FB57
FOOTER, TRAILER = 48, 5
"""Bytes at the end of a table, and behind each of its blocks."""

LONGEST_KEY = 4096


def table(octets: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the keys of a table in LevelDB's format and their values, in order.

    Raises:
        KerasFileError: it is damaged, no such table, or compressed, as TensorFlow's never are.
    """
    footer = octets[-FOOTER:]
    if len(footer) < FOOTER or int.from_bytes(footer[-8:], "little") != MAGIC:
        raise KerasFileError("has an .index that is damaged, or not TensorFlow's; copy it again")
    _, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    for _, value in _block(octets, index):
        yield from _block(octets, _handle(value, 0)[0])


def _handle(octets: memoryview, at: int) -> tuple[slice, int]:
    """Return the place of a block that stands at `at`, and where the next thing starts."""
    start, at = varint(octets, at)
    size, at = varint(octets, at)
    return slice(start, start + size), at


def _block(octets: memoryview, place: slice) -> Iterator[tuple[bytes, memoryview]]:
    """Yield what is in a block: each key stands there without what it shares with the last."""
    block, kind = octets[place], octets[place.stop : place.stop + 1]
    if place.stop + TRAILER > len(octets) or len(block) < 4:
        raise KerasFileError(DAMAGED)
    if kind[0] != 0:
        raise KerasFileError("has a compressed .index, which TensorFlow does not write; save again")
    if _masked(crc32c(octets[place.start : place.stop + 1])) != int.from_bytes(
        octets[place.stop + 1 : place.stop + TRAILER], "little"
    ):
        raise KerasFileError(DAMAGED)
    restarts = 4 * int.from_bytes(block[-4:], "little") + 4
    key, at, end = b"", 0, len(block) - restarts
    while at < end:
        shared, at = varint(block, at)
        added, at = varint(block, at)
        size, at = varint(block, at)
        if shared > len(key) or shared + added > LONGEST_KEY or at + added + size > end:
            raise KerasFileError(DAMAGED)
        key = key[:shared] + bytes(block[at : at + added])
        yield key, block[at + added : at + added + size]
        at += added + size


def _crc_table() -> list[int]:
    table = []
    for octet in range(256):
        for _ in range(8):
            octet = octet >> 1 ^ (0x82F63B78 if octet & 1 else 0)
        table.append(octet)
    return table


CRC = _crc_table()


def crc32c(octets: memoryview) -> int:
    """Return the checksum of `octets` by Castagnoli's polynomial (RFC 3720, B.4)."""
    found = 0xFFFFFFFF
    for octet in octets:
        found = found >> 8 ^ CRC[(found ^ octet) & 0xFF]
    return found ^ 0xFFFFFFFF


def _masked(checksum: int) -> int:
    """Return a checksum as a table stores it, so that one of checksums differs from them."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
