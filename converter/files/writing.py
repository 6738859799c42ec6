"""Writing files so that nothing is ever half written and no input is ever touched."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from converter.errors import OutputError, reason

if sys.platform != "win32":  # there, nothing tells whether a process still writes
    import fcntl

LONGEST = 50
"""Characters of a target's name that its temporary file bears; a name has at most 255 bytes."""


def make_folder(path: Path) -> None:
    """Make the folder `path`, and those around it, where they are missing.

    Raises:
        OutputError: it cannot be made, or is a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be made ({reason(error)}); check the path") from error


def check_folder(path: Path) -> None:
    """Check that `make_folder` could make `path`, as far as that is known without trying.

    Raises:
        OutputError: what is there already is a file, or cannot be written to.
    """
    there = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise OutputError(f"{path}: cannot be made ({there} is a file); check the path")
    if not os.access(there, os.W_OK):
        raise OutputError(f"{path}: cannot be made ({there} cannot be written to); check the path")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it to `target` when the block ends well.

    Whatever goes wrong inside the block, the temporary file is removed and an existing `target`
    keeps its content. What a killed process has left there of the same target is removed, too.

    Raises:
        OutputError: the folder does not exist or cannot be written to.
    """
    if target.is_dir():
        raise OutputError(f"{target}: is a folder; give a file name")
    with _beside(target, _new_file) as temporary:
        yield temporary


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `target`; rename it to `target` when the block ends well.

    Whatever goes wrong inside the block, the temporary folder is removed, and what a killed process
    has left there of the same target, too.

    Raises:
        OutputError: `target` exists, or the folder around it cannot be written to.
    """
    refuse_existing(target)
    with _beside(target, _new_folder) as temporary:
        yield temporary


def refuse_existing(target: Path) -> None:
    """Check that nothing is lost if a folder `target` is made.

    Raises:
        OutputError: it exists already.
    """
    if os.path.lexists(target):
        raise OutputError(f"{target}: exists already; give another name, or remove it first")


@contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`, on its disk; in the end it is removed.

    Raises:
        OutputError: the folder does not exist or cannot be written to.
    """
    with _beside(target, _new_file, renamed=False) as temporary:
        yield temporary


@contextmanager
def _beside(target: Path, make: Callable[[Path], int], renamed: bool = True) -> Iterator[Path]:
    """Yield what `make` makes beside `target`; rename it to `target` when the block ends well.

    `make` returns a descriptor, which holds a lock that ends with this process, however that ends.
    """
    _remove_abandoned(target)
    # By its ending, nobody takes it for a model; by its name, the next run knows whose it is.
    number = f"{os.getpid()}-{secrets.token_hex(6)}"
    temporary = target.with_name(f".{target.name[:LONGEST]}.{number}.partial")
    try:
        with _closing(make(temporary)) as descriptor:
            _lock(descriptor)
            yield temporary
        if renamed:
            temporary.replace(target)
    except OSError as error:
        raise OutputError(
            f"{target}: cannot be written ({reason(error)}); check the folder"
        ) from error
    finally:
        # Inside the block from before it is made: an interrupt leaves nothing behind.
        _remove(temporary)


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _new_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


def _new_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path if sys.platform != "win32" else os.devnull, os.O_RDONLY)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _lock(descriptor: int) -> bool:
    """Try to lock a file; return whether nobody else had done so, as far as the system tells."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody has, or the file system knows no locks
        return False
    return True


def _remove_abandoned(target: Path) -> None:
    """Remove what was being written to `target` by processes that are certainly dead.

    That no such process runs here is not enough: the file may be one of another machine, or of a
    container. That nobody holds the lock is not either: it may have been made this very moment.
    """
    name = re.compile(rf"\.{re.escape(target.name[:LONGEST])}\.(\d+)-[0-9a-f]{{12}}\.partial")
    with suppress(OSError):
        for path in target.parent.iterdir():
            match = name.fullmatch(path.name)
            if match and not _runs_here(int(match[1])):
                with suppress(OSError), _closing(os.open(path, os.O_RDONLY)) as descriptor:
                    if _lock(descriptor):
                        _remove(path)


def _runs_here(process: int) -> bool:
    """Tell whether a process of that number runs on this machine."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is another user's, or no process can have this number
        return True
    return True


def write_bytes(target: Path, data: bytes) -> None:
    """Write `data` to `target` in one step: a reader sees the old file or the new one.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(target) as temporary:
        temporary.write_bytes(data)
