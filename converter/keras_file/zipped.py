"""Keras models in ``.keras`` zips: JSON beside an HDF5 with the weights."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from converter.errors import KerasFileError
from converter.keras_file.content import DAMAGED, Stored, parse

WEIGHTS = "model.weights.h5"


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield the open zip; damage found while the block reads becomes one clear error."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise KerasFileError(DAMAGED) from error


def model_json(archive: zipfile.ZipFile) -> Stored | None:
    """Return the JSON of an open ``.keras`` zip, None if the zip is another."""
    names = archive.namelist()
    if "config.json" not in names:
        return None
    architecture = parse(archive.read("config.json"))
    metadata = parse(archive.read("metadata.json")) if "metadata.json" in names else {}
    return Stored(
        architecture=architecture,
        training=architecture.get("compile_config"),
        version=metadata.get("keras_version") or "3",
        backend="tensorflow",
    )


class FilePart(io.RawIOBase):
    """A stretch of an open file as a file of its own; `start` and `size` in bytes."""

    def __init__(self, whole: io.BufferedReader, start: int, size: int) -> None:
        self.whole, self.start, self.size, self.position = whole, start, size, 0

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes into `buffer` and return how many there were."""
        self.whole.seek(self.start + self.position)
        left = max(0, self.size - self.position)
        count = self.whole.readinto(memoryview(buffer)[:left])
        self.position += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to `offset` from the start, the position, or the end."""
        self.position = offset + (0, self.position, self.size)[whence]
        return self.position

    def tell(self) -> int:
        """Return the position."""
        return self.position

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True


@contextmanager
def open_weights(path: Path) -> Iterator[io.IOBase]:
    """Yield the HDF5 file with the weights; the checksum has been checked."""
    with open_zip(path) as archive:
        if WEIGHTS not in archive.namelist():
            raise KerasFileError(f"holds no weights (no {WEIGHTS} in the zip)")
        place = _place(archive, WEIGHTS)
        if place is None:
            yield io.BytesIO(archive.read(WEIGHTS))
            return
    with path.open("rb") as whole:
        yield FilePart(whole, *place)


def _place(archive: zipfile.ZipFile, name: str) -> tuple[int, int] | None:
    """Return where a member lies in the zip, (start, size) in bytes; None if it is compressed.

    Keras stores weights as they are, so they need not be unpacked into memory.
    """
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        return None
    with archive.open(name) as member:
        while member.read(2**24):  # an error if the checksum is wrong
            pass
    # Before the content: a header of 30 bytes, whose last two numbers are the lengths of the
    # name and of an extra field. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT 4.3.7
    file = cast("BinaryIO", archive.fp)
    file.seek(info.header_offset + 26)
    lengths = struct.unpack("<HH", file.read(4))
    return info.header_offset + 30 + sum(lengths), info.file_size
