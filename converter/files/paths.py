"""The paths that a command is given: what it reads, and what it may write without harm to that."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

from converter.errors import DataError, KerasFileError, OutputError

MODEL_ENDING = (".mlmodel",)
RECIPE_ENDINGS = (".yaml", ".yml")
PAGE_ENDING = (".html",)

LEVELS = 3
"""Folders of data are read to this depth: ``data/train/cat/1.jpg``."""

Identity: TypeAlias = tuple[int, int]
"""Device and inode: the same for all names of one file or folder."""


class Input(NamedTuple):
    """A file or folder that is read, and what the user named it by, such as ``--data``."""

    name: str
    path: Path


class Output(NamedTuple):
    """A file that will be written; `is_default` if nobody but the tool has chosen its name."""

    name: str
    path: Path
    endings: tuple[str, ...]
    is_default: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.path}".strip()


def stem(source: Path) -> str:
    """Return the name of the file or folder `source` without its ending, also of the folder "."."""
    return source.stem if source.stem.strip(".") else source.resolve().stem


def check_source(source: Path) -> None:
    """Check that the Keras file or folder `source` can be there to read.

    Raises:
        KerasFileError: it is missing.
    """
    if not source.exists():
        raise KerasFileError(f"{source}: there is no such file; check the path")


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    parts = path.rglob("*") if path.is_dir() else [path]
    return sum(part.stat().st_size for part in parts if part.is_file())


def check_samples(samples: Path | None) -> None:
    """Check that the file or folder `samples`, if one is named, can be there to read.

    Raises:
        DataError: it is missing.
    """
    if samples is not None and not samples.exists():
        raise DataError(f"{samples}: there is no such file or folder of samples; check the path")


def check_outputs(
    inputs: Iterable[Input],
    outputs: Sequence[Output],
    *,
    force: bool = False,
    unmade: Path | None = None,
) -> None:
    """Check, before any work is done, that writing `outputs` can succeed and destroys nothing.

    No output is an input or lies inside one, by whatever path, symbolic or hard link; no two
    outputs are one file; each has one of its endings and a folder that can be written to. What a
    name chosen by the user holds is overwritten, a default name must be free, or `force` be given.
    The folder `unmade` need not be there yet.

    Raises:
        OutputError: one of these is not so.
    """
    has_links = any(_has_other_names(output.path) for output in outputs)
    held = {each: {_identity(each.path), *_held(each.path, LEVELS, has_links)} for each in inputs}
    for index, output in enumerate(outputs):
        if unmade is None or output.path.parent != unmade:
            _check_folder(output)
        _check_name(output)
        _check_inputs(output, held)
        for other in outputs[:index]:
            if _is_one_file(output.path, other.path):
                raise OutputError(
                    f"{output}: is the same file as the output {other}; give one another name"
                )
        if output.is_default and output.path.exists() and not force:
            raise OutputError(
                f"{output}: exists already; to overwrite it, name it with -o or say --force"
            )


def _check_name(output: Output) -> None:
    if output.path.suffix not in output.endings:
        listed = " or ".join(ending or "nothing" for ending in output.endings)
        raise OutputError(f"{output}: the name must end in {listed}")
    if output.path.is_dir():
        raise OutputError(f"{output}: is a folder; give a file name")


def _check_folder(output: Output) -> None:
    if not output.path.parent.is_dir():
        raise OutputError(f"{output}: its folder does not exist; create it first")
    if not os.access(output.path.parent, os.W_OK):
        raise OutputError(f"{output}: its folder cannot be written to; choose another")


def _check_inputs(output: Output, held: Mapping[Input, set[Identity | None]]) -> None:
    around = {folder for place in _places(output.path) for folder in place.parents}
    touched = {_identity(path) for path in (output.path, *around)} - {None}
    for (name, path), identities in held.items():
        if identities & touched:
            told = "lies inside" if path.is_dir() else "is the same file as"
            raise OutputError(f"{output}: {told} the input {name} {path}; choose another place")


def _is_one_file(path: Path, other: Path) -> bool:
    """Tell whether both names are one file, or would be where case and accents do not count."""
    existing = _identity(path)
    if existing and existing == _identity(other):
        return True
    first, second = (
        {unicodedata.normalize("NFC", str(place)).casefold() for place in _places(each)}
        for each in (path, other)
    )
    return bool(first & second)


def _places(path: Path) -> tuple[Path, Path]:
    """Return where the name `path` stands, and where it leads to if it is a link."""
    return path.parent.resolve() / path.name, path.resolve()


def _identity(path: Path) -> Identity | None:
    """Return what all names of the file or folder have in common, None if there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _has_other_names(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.stat().st_nlink > 1
    return False


def _held(folder: Path, levels: int, files: bool) -> Iterator[Identity | None]:
    """Yield every folder in `folder`, what links in it lead to, and its `files` if asked for.

    Of a file, nothing. Files are only looked at for an output that is a hard link: any other that
    is one of them lies in a folder that is yielded, and there may be many.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            is_folder = _is_folder(entry)
            if files or is_folder or entry.is_symlink():
                yield _identity(Path(entry))
            if levels > 1 and is_folder:
                yield from _held(Path(entry), levels - 1, files)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):  # a link that leads to itself, or to what must not be seen
        return entry.is_dir()
    return False
