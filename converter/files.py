"""Writing files so that nothing is ever half written and no input is ever touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from converter.errors import OutputError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it to `target` when the block ends well.

    Whatever goes wrong inside the block, the temporary file is removed and an existing `target`
    keeps its content.

    Raises:
        OutputError: the folder does not exist or cannot be written to.
    """
    temporary = _temporary_beside(target)
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def _temporary_beside(target: Path) -> Path:
    if target.is_dir():
        raise OutputError(f"{target}: is a folder; give a file name")
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent
        )
    except OSError as error:
        raise OutputError(
            f"{target}: cannot be written ({error.strerror or error}); check the folder"
        ) from error
    os.close(handle)
    # mkstemp makes the file private; a result has the permissions that `open` would give it.
    umask = os.umask(0)
    os.umask(umask)
    temporary = Path(name)
    temporary.chmod(0o666 & ~umask)
    return temporary


def write_bytes(target: Path, data: bytes) -> None:
    """Write `data` to `target` in one step: a reader sees the old file or the new one.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(target) as temporary:
        temporary.write_bytes(data)
