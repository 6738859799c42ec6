"""Arithmetic as a JSON file: what `make-updatable calibrate` writes and `train` takes.

    {"about": "…", "squared_error": {"batch": "mean", "outputs": "mean", "factor": 1},
     "momentum": "nesterov", …}

What a file leaves out is as in `COREML`: the file tells what is known of Core ML.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from converter.arithmetic.choice import COREML, NAMED, PARTS, Arithmetic, Reduction
from converter.errors import ArithmeticFileError, UsageError, reason
from converter.files.kinds import refuse_special
from converter.files.writing import write_bytes

ABOUT = "about"
"""The key of a text for people, such as where the rest comes from."""


def arithmetic_of(name: str | Path) -> Arithmetic:
    """Return the arithmetic called `name`: "keras", "coreml", or the path of a JSON file.

    Raises:
        ArithmeticFileError: it is neither, or the file is not as it should be.
    """
    return NAMED[str(name)] if str(name) in NAMED else read(Path(name))


def read(path: Path) -> Arithmetic:
    """Return the arithmetic in the file `path`.

    Raises:
        ArithmeticFileError: it cannot be read, or says something that is not known.
    """
    refuse_special(path, ArithmeticFileError)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArithmeticFileError(
            f"{path}: cannot be read ({reason(error)}); give {', '.join(NAMED)} or a JSON file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ArithmeticFileError(
            f"{path}: is not JSON; make-updatable calibrate writes such files"
        ) from error
    try:
        return _arithmetic(_table(found, (ABOUT, *(field.name for field in fields(Arithmetic)))))
    except UsageError as error:
        raise ArithmeticFileError(f"{path}: {error}") from error


def write(path: Path, about: str, known: Mapping[str, Any]) -> None:
    """Write those fields of an `Arithmetic` that are `known` to the file `path`.

    Raises:
        OutputError: the file cannot be written.
    """
    values = {
        name: asdict(value) if isinstance(value, Reduction) else value
        for name, value in known.items()
    }
    text = json.dumps({ABOUT: about, **values}, indent=1, ensure_ascii=False)
    write_bytes(path, text.encode() + b"\n")


def _arithmetic(found: dict[str, Any]) -> Arithmetic:
    found.pop(ABOUT, None)
    for name in ("squared_error", "cross_entropy"):
        if name in found:
            found[name] = _reduction(name, found[name])
    return replace(COREML, **found)


def _reduction(name: str, found: Any) -> Reduction:
    try:
        return Reduction(**_table(found, tuple(PARTS)))
    except TypeError:
        raise UsageError(f"{name}: must say {', '.join(PARTS)}") from None
    except UsageError as error:
        raise UsageError(f"{name}.{error}") from None


def _table(found: Any, known: tuple[str, ...]) -> dict[str, Any]:
    """Return `found` if it is a table with keys that are `known`.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(found, dict):
        raise UsageError(f"must be a table of {', '.join(known)}")
    for key in found:
        if key not in known:
            raise UsageError(f"{key} is not known; there are {', '.join(known)}")
    return dict(found)
