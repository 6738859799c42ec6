"""The architecture of a Keras model alone, as ``model.to_json()`` of any version writes it."""

from __future__ import annotations

from pathlib import Path

from converter.errors import KerasFileError
from converter.keras_file.content import LARGEST_JSON, TOO_LONG, Json, Stored, parse


def is_stored(path: Path) -> bool:
    """Tell whether the file `path` is JSON that describes an object of Keras.

    Raises:
        KerasFileError: it is JSON, but damaged or too long.
    """
    found = _parsed(path)
    return isinstance(found, dict) and "class_name" in found and "config" in found


def read(path: Path) -> Stored:
    """Return the architecture in the file `path`, and how the model was compiled if that is there.

    Keras 3 writes that, too, but not its own version, Keras 1 and 2 the other way round.

    Raises:
        KerasFileError: it is damaged or too long.
    """
    found = _parsed(path)
    if not isinstance(found, dict):
        raise KerasFileError("is JSON, but not the architecture of a model")
    version = found.get("keras_version") or ("3" if "module" in found else "1")
    return Stored(found, found.get("compile_config"), str(version), str(found.get("backend") or ""))


def _parsed(path: Path) -> Json:
    with path.open("rb") as file:
        octets = file.read(LARGEST_JSON + 1)
    if len(octets) > LARGEST_JSON:
        raise KerasFileError(TOO_LONG)
    return parse(octets)
