"""Writing files so that nothing is ever half written and no input is ever touched."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from converter.errors import KerasFileError, OutputError, reason


def check_paths(source: Path, target: Path) -> None:
    """Check, before any work is done, that `source` can be read and `target` can be written.

    Raises:
        KerasFileError: `source` is missing or a folder.
        OutputError: `target` is not named ``.mlmodel``, has no folder, or is `source`.
    """
    if not source.exists():
        raise KerasFileError(f"{source}: there is no such file; check the path")
    if source.is_dir():
        raise KerasFileError(f"{source}: is a folder; give a .h5 or .keras file")
    if target.suffix != ".mlmodel":
        raise OutputError(f"{target}: the name of a Core ML model ends in .mlmodel")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: its folder does not exist; create it first")
    if target.exists() and target.samefile(source):
        raise OutputError(f"{target}: is the input; give another name with -o")


def make_folder(path: Path) -> None:
    """Make the folder `path`, and those around it, where they are missing.

    Raises:
        OutputError: it cannot be made, or is a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be made ({reason(error)}); check the path") from error


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it to `target` when the block ends well.

    Whatever goes wrong inside the block, the temporary file is removed and an existing `target`
    keeps its content.

    Raises:
        OutputError: the folder does not exist or cannot be written to.
    """
    if target.is_dir():
        raise OutputError(f"{target}: is a folder; give a file name")
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(6)}{target.suffix}")
    try:
        temporary.touch(exist_ok=False)
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise OutputError(
            f"{target}: cannot be written ({reason(error)}); check the folder"
        ) from error
    finally:
        # Inside the block from before the file is made: an interrupt leaves nothing behind.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(target: Path, data: bytes) -> None:
    """Write `data` to `target` in one step: a reader sees the old file or the new one.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(target) as temporary:
        temporary.write_bytes(data)
