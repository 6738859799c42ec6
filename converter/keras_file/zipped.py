"""Keras models in ``.keras`` zips: JSON beside an HDF5 with the weights."""

from __future__ import annotations

import io
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, cast

from converter.errors import KerasFileError
from converter.files.kinds import ZIP_ERRORS
from converter.keras_file.content import (
    DAMAGED,
    LARGEST_JSON,
    TOO_LONG,
    Json,
    Place,
    Stored,
    parse,
)

WEIGHTS = "model.weights.h5"

LARGEST_WEIGHTS = 8 * 2**30
"""Bytes: a Core ML model holds 2 GB, and Adam keeps two more numbers for each weight."""


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield the open zip; damage found while the block reads becomes one clear error."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (NotImplementedError, RuntimeError) as error:
        raise KerasFileError(
            "is a zip of a version or compression that is not known here, or encrypted; save the "
            "model again: model.save('model.keras')"
        ) from error
    except ZIP_ERRORS as error:
        raise KerasFileError(DAMAGED) from error


def model_json(archive: zipfile.ZipFile) -> Stored | None:
    """Return the JSON of an open ``.keras`` zip, None if the zip is another."""
    names = archive.namelist()
    if "config.json" not in names:
        return None
    architecture = _json(archive, "config.json")
    metadata = _json(archive, "metadata.json") if "metadata.json" in names else {}
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
def weights_place(path: Path) -> Iterator[Place]:
    """Yield where the HDF5 file with the weights lies; the checksum has been checked.

    Keras stores it as it is. One that was compressed afterwards is unpacked to a temporary file,
    which lasts as long as the block.
    """
    with open_zip(path) as archive:
        if WEIGHTS not in archive.namelist():
            raise KerasFileError(f"holds no weights (no {WEIGHTS} in the zip)")
        info = archive.getinfo(WEIGHTS)
        if info.compress_type == zipfile.ZIP_STORED:
            place, folder = _place(path, archive, info), None
        else:
            folder = tempfile.TemporaryDirectory()
            place = _unpacked(archive, info, Path(folder.name))
    with folder or nullcontext():
        yield place


def _place(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Place:
    """Return where a member lies in the zip, which stores it as it is."""
    with archive.open(info) as member:
        while member.read(2**24):  # an error if the checksum is wrong
            pass
    # Before the content: a header of 30 bytes, whose last two numbers are the lengths of the
    # name and of an extra field. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT 4.3.7
    file = cast("BinaryIO", archive.fp)
    file.seek(info.header_offset + 26)
    lengths = struct.unpack("<HH", file.read(4))
    return Place(path, info.header_offset + 30 + sum(lengths), info.file_size)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path) -> Place:
    """Return a member as a file in `folder`."""
    if info.file_size > LARGEST_WEIGHTS:
        raise KerasFileError(
            f"holds {info.file_size / 1e9:.0f} GB of weights in {WEIGHTS}, more than a Core ML "
            "model can"
        )
    target = folder / WEIGHTS
    with archive.open(info) as member, target.open("wb") as file:
        shutil.copyfileobj(member, file, 2**24)
    return Place(target)


def _json(archive: zipfile.ZipFile, name: str) -> Json:
    """Return the JSON of a member, which is not unpacked if it is absurdly long."""
    if archive.getinfo(name).file_size > LARGEST_JSON:
        raise KerasFileError(TOO_LONG)
    return parse(archive.read(name))
