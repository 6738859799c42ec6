"""TensorFlow checkpoints: a table that tells where each array lies, and the shards with the bytes.

The table is read here, in a few lines, rather than by TensorFlow: nothing in it can then make a
library crash, and no graph is near. Each array is read from its place when it is wanted.
https://github.com/tensorflow/tensorflow/blob/v2.15.0/tensorflow/core/util/tensor_bundle/tensor_bundle.h
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converter.errors import KerasFileError, reason
from converter.keras_file.content import DAMAGED, Place
from converter.keras_file.protobuf import fields, messages, signed, varint
from converter.keras_file.reader import StoredArray
from converter.keras_file.table import LONGEST_KEY, table

INDEX = ".index"
SHARD = re.compile(r"(.+)\.data-\d{5}-of-\d{5}")
VARIABLES = Path("variables", "variables")
"""The checkpoint inside of a SavedModel."""

STATE = "checkpoint"
"""The text file in which TensorFlow notes which checkpoint of a folder is the last."""

LARGEST_INDEX = 2**24
"""Bytes; an array takes about 60, and Adam keeps three for each weight."""

LARGEST_TEXT = 2**28
"""Bytes of a text in a shard, such as the description of the objects."""

MOST_ENTRIES = 200_000
MOST_AXES = 8

STRING = 7
DTYPES = {
    1: "f4", 2: "f8", 3: "i4", 4: "u1", 5: "i2", 6: "i1", 9: "i8", 10: "?", 17: "u2", 19: "f2",
    22: "u4", 23: "u8",
}  # fmt: skip
"""TensorFlow's number of a type -> NumPy's name (types.proto); others are no weights."""


@dataclass(frozen=True)
class Entry:
    """Where the array or text called `key` lies in a shard; sizes in bytes."""

    key: str
    kind: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    is_sliced: bool


def prefix_of(path: Path) -> Path | None:
    """Return the checkpoint that `path` means, without any ending, None if it means none.

    That is one of its files, their common beginning, or a folder that holds one: the last that was
    saved there. Nothing outside of the folder is looked at, whatever it says.
    """
    if path.is_dir():
        return _in_folder(path)
    shard = SHARD.fullmatch(path.name)
    name = shard[1] if shard else path.name.removesuffix(INDEX)
    prefix = path.with_name(name) if name else path
    return prefix if _index(prefix).is_file() else None


def _in_folder(folder: Path) -> Path | None:
    """Return the checkpoint in `folder`: the only one, or the one that is noted as the last."""
    if _index(folder / VARIABLES).is_file():
        return folder / VARIABLES
    found = sorted(path.name.removesuffix(INDEX) for path in folder.glob(f"*{INDEX}"))
    if len(found) > 1:
        last = _noted(folder / STATE)
        found = [name for name in found if name == last] or found
    if len(found) > 1:
        listed = ", ".join(found[:4])
        raise KerasFileError(f"holds several checkpoints ({listed}); name one of them")
    return folder / found[0] if found else None


def _noted(state: Path) -> str:
    """Return the name that the text file `state` notes as the last, empty if it does not."""
    if not state.is_file():
        return ""
    with state.open("rb") as file:
        noted = file.read(LONGEST_KEY).decode(errors="replace")
    match = re.match(r'\s*model_checkpoint_path: "([^"]*)"', noted)
    return match[1].replace("\\", "/").rpartition("/")[2] if match else ""


def _index(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}{INDEX}")


class Checkpoint:
    """The checkpoint at `prefix`: what is in it, still on disk.

    Raises:
        KerasFileError: its files are damaged, or shards are missing or too short.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self.entries: dict[str, Entry] = {}
        self._shards, self._order = 0, "<"
        for key, value in table(_read(_index(prefix))):
            if not key:
                self._head(value)
            elif len(self.entries) == MOST_ENTRIES:
                raise KerasFileError(DAMAGED)
            else:
                entry = _entry(key, value)
                self.entries[entry.key] = entry
        self._check_shards()

    def _head(self, value: memoryview) -> None:
        for number, found in fields(value):
            if number == 1 and isinstance(found, int):
                self._shards = found
            elif number == 2 and found:
                self._order = ">"

    def _check_shards(self) -> None:
        """Check that each shard is there and as long as the table says."""
        needed: dict[int, int] = {}
        for entry in self.entries.values():
            if entry.shard >= self._shards:
                raise KerasFileError(DAMAGED)
            end = entry.offset + entry.size
            needed[entry.shard] = max(needed.get(entry.shard, 0), end)
        for shard, size in sorted(needed.items()):
            path = self._shard(shard)
            if not path.is_file():
                raise KerasFileError(f"lacks its file {path.name}; copy all files of it")
            if (found := path.stat().st_size) != size:
                raise KerasFileError(
                    f"has a file {path.name} of {found:,} bytes, but {_index(self.prefix).name} "
                    f"tells of {size:,}; copy both from the same save"
                )

    def _shard(self, number: int) -> Path:
        name = f"{self.prefix.name}.data-{number:05d}-of-{self._shards:05d}"
        return self.prefix.with_name(name)

    def array(self, key: str) -> StoredArray:
        """Return the array `key`, still on disk.

        Raises:
            KerasFileError: it is missing, no numbers, or in parts.
        """
        entry = self._found(key)
        if entry.is_sliced:
            raise KerasFileError(f"holds {key!r} in parts; save it from one device")
        if entry.kind not in DTYPES:
            raise KerasFileError(f"holds {key!r} in a type that weights cannot have here")
        dtype = np.dtype(self._order + DTYPES[entry.kind])
        if math.prod(entry.shape) * dtype.itemsize != entry.size:
            raise KerasFileError(DAMAGED)
        return StoredArray(Place(self._shard(entry.shard)), key, entry.shape, dtype, entry.offset)

    def text(self, key: str) -> memoryview:
        """Return the bytes of the single text `key`.

        Raises:
            KerasFileError: it is missing, or no single text.
        """
        entry = self._found(key)
        if entry.kind != STRING or entry.shape or entry.size > LARGEST_TEXT:
            raise KerasFileError(DAMAGED)
        with self._shard(entry.shard).open("rb") as file:
            file.seek(entry.offset)
            octets = memoryview(file.read(entry.size))
        size, at = varint(octets, 0)
        start = at + 4  # behind a checksum of the length
        if start + size != len(octets):
            raise KerasFileError(DAMAGED)
        return octets[start:]

    def _found(self, key: str) -> Entry:
        if key not in self.entries:
            raise KerasFileError(f"lacks {key!r}, which its own description names; save it again")
        return self.entries[key]


def _read(path: Path) -> memoryview:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > LARGEST_INDEX:
                raise KerasFileError(f"has a file {path.name} larger than that of any model")
            return memoryview(file.read())
    except OSError as error:
        said = f"has a file {path.name} that cannot be read ({reason(error)})"
        raise KerasFileError(said) from error


def _entry(key: bytes, value: memoryview) -> Entry:
    numbers = {3: 0, 4: 0, 5: 0, 1: 0}
    shape: tuple[int, ...] = ()
    is_sliced = False
    for number, found in fields(value):
        if number in numbers and isinstance(found, int):
            numbers[number] = found
        elif number == 2 and isinstance(found, memoryview):
            shape = _shape(found)
        elif number == 7:
            is_sliced = True
    try:
        name = key.decode()
    except UnicodeDecodeError as error:
        raise KerasFileError(DAMAGED) from error
    return Entry(name, numbers[1], shape, numbers[3], numbers[4], numbers[5], is_sliced)


def _shape(message: memoryview) -> tuple[int, ...]:
    sizes = []
    for axis in messages(message, 2):
        found = [signed(value) for n, value in fields(axis) if n == 1 and isinstance(value, int)]
        sizes.append(found[-1] if found else 0)
    if len(sizes) > MOST_AXES or any(size < 0 for size in sizes):
        raise KerasFileError(DAMAGED)
    return tuple(sizes)
