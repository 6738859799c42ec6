"""Class labels in a file of their own."""

from __future__ import annotations

from pathlib import Path

from converter.errors import UsageError, reason
from converter.files.kinds import refuse_special


def read_labels(path: Path) -> tuple[str, ...]:
    """Return the class labels in the file `path`, one a line; empty lines are ignored.

    Raises:
        UsageError: the file cannot be read or holds no label.
    """
    refuse_special(path, UsageError)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: cannot be read as class labels; save it as UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read as class labels ({reason(error)})") from error
    labels = tuple(line.strip() for line in lines if line.strip())
    if not labels:
        raise UsageError(f"{path}: holds no class label")
    return labels
