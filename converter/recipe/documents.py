"""What stands in YAML files and flags, one over the other, before a pydantic model looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from converter.coreml.optimizers import NUMBERS
from converter.errors import RecipeError, UsageError, reason
from converter.files.kinds import refuse_special
from converter.recipe.forms import TAGS
from converter.recipe.messages import explain
from converter.recipe.model import RecipeFile
from converter.recipe.places import Document, Key, Mistake

ADJUSTABLE = (*NUMBERS, "epochs", "batch_size", "neighbors")
"""Settings that may be a number or a number with what an app may choose."""


def text(path: Path) -> str:
    """Return what stands in the file `path`.

    Raises:
        RecipeError: it cannot be read, or is no text.
    """
    refuse_special(path, RecipeError)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}:1: is not text in UTF-8; save it so") from error
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({reason(error)})") from error


def plain(value: Any) -> Any:
    """Return a path as text, a NumPy array or number as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def merged(below: Document, above: Document) -> Document:
    """Return `above` over `below`."""
    places = {k: p for k, p in below.places.items() if not k or k[0] not in above.data}
    data = dict(below.data)
    for key, value in above.data.items():
        data[key] = _over(data.get(key), value, key)
        if isinstance(data[key], dict):
            places |= {k: p for k, p in below.places.items() if k[:1] == (key,)}
            if not isinstance(value, dict):
                places[key, "default"] = above.place((key,))
    gone = [key for key in above.places if key and not isinstance(_at(data, key), dict)]
    places = {k: p for k, p in places.items() if not any(k[: len(key)] == key for key in gone)}
    written = {k: text for k, text in below.written_paths.items() if k not in above.data}
    return Document(
        data, places | above.places, [*below.mistakes, *above.mistakes],
        written | above.written_paths, [*below.files, *above.files],
    )  # fmt: skip


def _at(data: Any, key: Key) -> Any:
    """Return the value at `key`, None if there is none."""
    for name in key:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _over(below: Any, above: Any, key: str) -> Any:
    if not isinstance(below, dict) or above is None:
        return above
    if isinstance(above, dict):
        deeper = {k: _over(below.get(k), value, k) for k, value in above.items()}
        return {**below, **deeper}
    return {**below, "default": above} if key in ADJUSTABLE else above


def mistake(document: Document, error: Any, root: type[BaseModel] = RecipeFile) -> Mistake:
    """Return the mistake that an entry of ``ValidationError.errors()`` tells of.

    `root` is the pydantic model of the whole document.
    """
    location: tuple[str | int, ...] = error["loc"]
    tagged = len(location) > 1 and location[1] in TAGS
    key: Key = (location[0], *location[2:]) if tagged else location
    if error["type"] == "inside":
        key = (*key, error["ctx"]["key"])
    return Mistake(document.place(key), key, explain(error, location, root))


def refusal(mistakes: Sequence[Mistake]) -> RecipeError | UsageError:
    """Return the error that tells of all `mistakes`: one of usage if all are those of flags."""
    ordered = sorted(set(mistakes), key=lambda m: (m.place, list(map(str, m.key)), m.message))
    if all(not mistake.place.line for mistake in ordered):
        return UsageError("\n".join(f"{m.place}: {m.message}" for m in ordered))
    return RecipeError("\n".join(map(str, ordered)))
