"""A YAML file and flags -> one study; every mistake with its file, line and key, all in one run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from converter.recipe.documents import merged, mistake, plain, refusal, text
from converter.recipe.places import Document, Key, Place, parse
from converter.studies.model import Study

PATHS: tuple[Key, ...] = (
    ("models",), ("users", "data"), ("users", "simulated", "data"), ("common",), ("results",),
)  # fmt: skip
"""Keys of paths, and of lists of paths."""

EXCLUSIVE: Mapping[Key, Key] = {
    ("users", "data"): ("users", "simulated"), ("users", "simulated"): ("users", "data"),
}  # fmt: skip
"""Key that a flag gives -> what of the file it takes the place of."""

ESCAPES = 0xDC80, 0xDCFF
"""Python's characters for bytes of a path that are no text (PEP 383); JSON knows none of them."""

PRIVATE = 0x10FF00 - ESCAPES[0]
"""Added to such a character, it is one of Unicode's private use."""


def read(path: Path, flags: Mapping[Key, tuple[str, Any]] | None = None) -> Study:
    """Return the study in the YAML file `path`, under `flags`: key -> flag and value.

    Paths in the file are relative to its folder.

    Raises:
        RecipeError: the file cannot be read, or holds mistakes: one line for each.
        UsageError: the flags alone are wrong.
    """
    document = parse(text(path), str(path))
    for key in PATHS:
        _locate(document.data, key, path.parent)
    above = _flags(flags or {})
    for key, other in EXCLUSIVE.items():
        if _found(above.data, key) is not None:
            _take(document.data, other)
    return _checked(merged(document, above))


def from_flags(flags: Mapping[Key, tuple[str, Any]]) -> Study:
    """Return the study that the command line alone describes: key -> flag and value.

    Raises:
        UsageError: a flag has a wrong value; the message names it.
    """
    return _checked(_flags(flags))


def as_flags(options: Mapping[str, Any], around: Key = ()) -> dict[Key, tuple[str, Any]]:
    """Return nested Python arguments as `read` and `from_flags` take flags: key -> name, value."""
    found: dict[Key, tuple[str, Any]] = {}
    for name, value in options.items():
        key = (*around, name)
        if isinstance(value, BaseModel):
            value = value.model_dump(mode="json", exclude_unset=True)
        if isinstance(value, Mapping):
            found |= as_flags(value, key)
        elif value is not None:
            found[key] = (_named(key), value)
    return found


def _named(key: Key) -> str:
    first, *others = map(str, key)
    return first + "".join(f"[{name!r}]" for name in others)


def _flags(flags: Mapping[Key, tuple[str, Any]]) -> Document:
    document = Document()
    for key, (flag, value) in flags.items():
        *around, last = key
        inner = document.data
        for name in around:
            inner = inner.setdefault(str(name), {})
        inner[str(last)] = json.loads(json.dumps(value, default=plain))
        document.places[key] = Place(flag)
        for length in range(1, len(key)):
            document.places.setdefault(key[:length], Place(flag))
    return document


def _found(data: Any, key: Key) -> Any:
    for name in key:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _take(data: Any, key: Key) -> None:
    around = _found(data, key[:-1])
    if isinstance(around, dict):
        around.pop(key[-1], None)


def _locate(data: Any, key: Key, folder: Path) -> None:
    """Make the path, or the paths, at `key` valid from the working folder."""
    around, last = _found(data, key[:-1]), key[-1]
    if not isinstance(around, dict) or last not in around:
        return
    value = around[last]
    around[last] = (
        [_located(each, folder) for each in value]
        if isinstance(value, list)
        else _located(value, folder)
    )


def _located(value: Any, folder: Path) -> Any:
    if not isinstance(value, str) or not value.strip():
        return value
    beside = folder / value
    is_word = value.replace("_", "").isalnum()  # such as mnist, a data set of Keras
    return value if is_word and not beside.exists() else str(beside)


def _checked(document: Document) -> Study:
    data = {key: value for key, value in document.data.items() if value is not None}
    mistakes, study = list(document.mistakes), None
    try:
        study = Study.model_validate_json(json.dumps(_legible(data)), strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False)
        parts = {each["loc"][:-1] for each in found}  # a list of wrong parts is not empty, too
        mistakes += [
            mistake(document, each, Study)
            for each in found
            if each["type"] != "too_short" or each["loc"] not in parts
        ]
    if study is None or mistakes:
        raise refusal(mistakes)
    return _with_bytes(study)


def _legible(data: Any) -> Any:
    """Return `data` in which every character is one that JSON knows."""
    if isinstance(data, dict):
        return {key: _legible(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_legible(value) for value in data]
    return data.translate({c: c + PRIVATE for c in _escapes()}) if isinstance(data, str) else data


def _with_bytes(study: Study) -> Study:
    """Return the same study whose paths have the bytes that they were given with."""
    back = {c + PRIVATE: c for c in _escapes()}

    def path(given: Path | None) -> Path | None:
        return None if given is None else Path(str(given).translate(back))

    simulated = study.users.simulated
    if simulated is not None:
        simulated = simulated.model_copy(update={"data": path(simulated.data)})
    users = study.users.model_copy(update={"data": path(study.users.data), "simulated": simulated})
    update = {
        "models": tuple(path(each) for each in study.models),
        "users": users, "common": path(study.common), "results": path(study.results),
    }  # fmt: skip
    return study.model_copy(update=update)


def _escapes() -> range:
    return range(ESCAPES[0], ESCAPES[1] + 1)


def relative(path: Path, folder: Path) -> str:
    """Return `path`, valid from the working folder, as a file in `folder` names it."""
    return Path(os.path.relpath(path, folder)).as_posix() if not path.is_absolute() else str(path)
