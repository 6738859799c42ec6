"""What a device has learned goes into the model that it was shipped with."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

import numpy as np

from converter.coreml.mlmodel import Floats, Message, serialize, set_floats
from converter.errors import DataError, reason
from converter.files.kinds import refuse_special
from converter.swift.trainer import digest
from converter.weights import compiled, exported
from converter.weights.tensors import tensors

PROPERTY_LIST = b"bplist00"

WHAT = "give the .mlmodelc folder that the device saved, or what the generated trainer exported"


def adopt(shipped: Message, source: Path) -> Message:
    """Return a copy of `shipped` with the weights that learned from `source`.

    That is a ``.mlmodelc``, or a file that ``exportWeights(to:)`` or ``exportModel(to:)`` of the
    generated trainer has written. Nothing of it is run.

    Raises:
        DataError: it is none of these, does not descend from `shipped`, or it cannot be told; or a
            weight is no finite number.
        TrainingError: nothing learns in `shipped`.
    """
    copy = type(shipped)()
    copy.CopyFrom(shipped)
    known = {(t.layer.name, t.field): t for t in tensors(copy)}
    try:
        found = _learned(copy, source)
        if missing := [key for key in known if key not in found]:
            raise DataError(f"lacks the {missing[0][1]} of layer '{missing[0][0]}'")
        for key, values in found.items():
            _check(key, values, known[key].size if key in known else None)
    except DataError as error:
        raise DataError(f"{source}: {error}") from error
    for key, tensor in known.items():
        set_floats(tensor.stored, found[key])
    return copy


def _check(key: tuple[str, str], values: Floats, size: int | None) -> None:
    layer, field = key
    if size is None:
        raise DataError(f"holds the {field} of layer '{layer}', which does not learn in the model")
    if len(values) != size:
        raise DataError(f"holds {len(values)} {field} of layer '{layer}', which has {size}")
    if not np.isfinite(values).all():
        raise DataError(f"holds a value in the {field} of layer '{layer}' that is no finite number")


def _learned(shipped: Message, source: Path) -> dict[tuple[str, str], Floats]:
    if source.is_dir():
        return compiled.learned(shipped, lambda name, most: _member(source, name, most))
    if not source.exists():
        raise DataError(f"there is no such file; {WHAT}")
    data = _bytes(source, 8 * len(serialize(shipped)) + compiled.LARGEST_TEXT)
    if data.startswith(PROPERTY_LIST):
        files = _archive(data, digest(shipped))
        return compiled.learned(shipped, lambda name, most: _archived(files, name, most))
    return exported.learned(data, digest(shipped))


def _archive(data: bytes, wanted: str) -> Mapping[str, Any]:
    """Return the files of a ``.mlmodelc`` that ``exportModel(to:)`` has put into one."""
    try:
        said = plistlib.loads(data)
    except (plistlib.InvalidFileException, ExpatError, ValueError, RecursionError) as error:
        raise DataError("is a property list that is damaged; export it again") from error
    files = said.get("files") if isinstance(said, dict) else None
    if not isinstance(files, dict):
        raise DataError(f"is a property list without a model; {WHAT}")
    if said.get("digest") != wanted:
        raise DataError("was exported from another model than the shipped one; give that one")
    return files


def _archived(files: Mapping[str, Any], name: str, most: int) -> bytes | None:
    found = files.get(name)
    return _limited(found, name, most) if isinstance(found, bytes) else None


def _member(folder: Path, name: str, most: int) -> bytes | None:
    path = folder / name
    return _bytes(path, most) if path.exists() else None


def _bytes(path: Path, most: int) -> bytes:
    refuse_special(path, DataError)
    try:
        with path.open("rb") as file:
            return _limited(file.read(most + 1), path.name, most)
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read ({reason(error)})") from error


def _limited(data: bytes, name: str, most: int) -> bytes:
    if len(data) > most:
        raise DataError(f"{name}: is larger than the shipped model can make it")
    return data
