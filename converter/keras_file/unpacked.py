"""A zip with a model inside, such as exports are, becomes a folder for as long as it is read."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from converter.errors import KerasFileError
from converter.keras_file.zipped import LARGEST_WEIGHTS, open_zip

ENDINGS = (".h5", ".hdf5", ".keras")
"""How the name of a member ends that is a model."""

SIGNS = ("saved_model.pb", "model.json")
"""What a folder holds that is a model."""

MOST_MEMBERS = 10_000
"""Exports hold a handful, a SavedModel with assets some dozens."""

BLOCK = 2**24


@contextmanager
def unpacked(path: Path, *, only_looked_at: bool = False) -> Iterator[Path]:
    """Yield the model inside of the zip `path`, in a temporary folder; anything else as it is.

    A ``.keras`` file is a model, and no zip of one. Nothing leaves the folder, and `path` stays as
    it is. If it is `only_looked_at`, files are there by name and their first bytes.

    Raises:
        KerasFileError: the zip is damaged, holds more than one model, is absurdly large, or has
            members that lead out of it.
    """
    members = _members(path)
    if not members:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, open_zip(path) as archive:
        for info in members:
            _unpack(archive, info, Path(folder) / info.filename, only_looked_at)
        yield Path(folder) / _models(members).pop()


def _members(path: Path) -> Sequence[zipfile.ZipInfo]:
    """Return the files in the zip `path` if it holds a model, nothing of what is no such zip."""
    if not path.is_file():
        return ()
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return ()
    with open_zip(path) as archive:
        found = [info for info in archive.infolist() if not info.is_dir() and not _is_of_mac(info)]
    if any(info.filename == "config.json" for info in found) or not _models(found):
        return ()
    if len(found) > MOST_MEMBERS:
        raise KerasFileError(
            f"is a zip of {len(found):,} files, which no model has; zip the model alone"
        )
    for info in found:
        _check(info)
    if (size := sum(info.file_size for info in found)) > LARGEST_WEIGHTS:
        raise KerasFileError(f"is a zip of {size / 1e9:.0f} GB, more than a Core ML model can hold")
    if len(models := _models(found)) > 1:
        listed = ", ".join(sorted(map(str, models))[:4])
        raise KerasFileError(f"is a zip of several models ({listed}); unpack it and give one")
    return found


def _is_of_mac(info: zipfile.ZipInfo) -> bool:
    """Tell whether a member is one that macOS adds to each zip that it makes."""
    parts = PurePosixPath(info.filename).parts
    return "__MACOSX" in parts or ".DS_Store" in parts


def _check(info: zipfile.ZipInfo) -> None:
    """Refuse a member that would lie elsewhere than its name says, or is no file."""
    name = info.filename.replace("\\", "/")
    place = PurePosixPath(name)
    leads_out = place.is_absolute() or ".." in place.parts or ":" in place.parts[0]
    kind = info.external_attr >> 16
    if leads_out or (stat.S_IFMT(kind) and not stat.S_ISREG(kind)):
        raise KerasFileError(
            f"is a zip with the member {info.filename!r}, which leads out of it; zip the model anew"
        )


def _models(members: Sequence[zipfile.ZipInfo]) -> set[PurePosixPath]:
    """Return where models are, files or folders; what lies inside of one is a part of it."""
    paths = [PurePosixPath(info.filename) for info in members]
    found = {path for path in paths if path.suffix in ENDINGS}
    found |= {path.parent for path in paths if path.name in SIGNS}
    return {place for place in found if not found & set(place.parents)}


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, start: bool) -> None:
    """Write a member to `target`, or no more of it than its `start`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as member, target.open("wb") as file:
        if start:
            file.write(member.read(BLOCK))
        else:
            shutil.copyfileobj(member, file, BLOCK)
