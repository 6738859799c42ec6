"""YAML files and flags -> one recipe; every mistake with its file, line and key, all in one run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from converter.errors import MakeUpdatableError, RecipeError
from converter.recipe.contradictions import contradictions, unusable
from converter.recipe.documents import merged, mistake, plain, refusal, text
from converter.recipe.model import Recipe
from converter.recipe.places import Document, Key, Mistake, Place, parse

PATH_KEYS = ("model", "weights", "output_path", "classes", "calibration", "knn_samples")

Check: TypeAlias = Callable[[Recipe], object]
"""Looks at a file that a recipe names; raises an error that begins with its path."""


def read(
    path: Path,
    flags: Mapping[str, Any] | None = None,
    checks: Mapping[str, Check] | None = None,
) -> Recipe:
    """Return the recipe in the YAML file `path`, after those it extends and before `flags`.

    Paths in the file are relative to its folder. A number given by a flag (or by an extending
    recipe) over a range sets the default and keeps the range. A value of ``null`` takes back what
    was set before. `checks` look at the files that stand under their keys.

    Raises:
        RecipeError: the file cannot be read, or holds mistakes: one line for each.
        UsageError: the flags alone are wrong.
    """
    whole = merged(_file(path, path.parent, ()), _flags(flags or {}))
    recipe = _validated(whole)
    mistakes = list(_unfit_files(whole, recipe, checks or {}))
    if mistakes:
        raise refusal(mistakes)
    return recipe.with_origin(whole.files, whole.written_paths)


def _unfit_files(
    document: Document, recipe: Recipe, checks: Mapping[str, Check]
) -> Iterator[Mistake]:
    for key, check in checks.items():
        if isinstance(getattr(recipe, key), Path):
            try:
                check(recipe)
            except MakeUpdatableError as error:
                yield Mistake(document.place((key,)), (key,), str(error))


def without_bases(paths: Sequence[Path]) -> list[Path]:
    """Return `paths` without those that name no model and that others of them extend."""
    extended = {base.resolve() for path in paths for base in _extended(path, set())}
    return [path for path in paths if path.resolve() not in extended or _has_model(path)]


def _extended(path: Path, seen: set[Path]) -> Iterator[Path]:
    """Yield the files that the recipe at `path` builds on; of broken ones, what can be told."""
    if path.resolve() in seen or not path.is_file():
        return
    seen.add(path.resolve())
    with suppress(RecipeError):
        for base in _bases(parse(text(path), str(path))):
            yield path.parent / base
            yield from _extended(path.parent / base, seen)


def _has_model(path: Path) -> bool:
    try:
        return "model" in _file(path, path.parent, ()).data
    except RecipeError:
        return True  # it is reported when it is read


def from_flags(flags: Mapping[str, Any]) -> Recipe:
    """Return the recipe that the command line alone describes.

    Raises:
        UsageError: a flag has a wrong value; the message names it.
    """
    return _validated(_flags(flags))


def _file(path: Path, folder: Path, chain: tuple[Path, ...]) -> Document:
    """Return a file over what it extends; `folder` is that of the first file, `chain` the way."""
    document = parse(text(path), str(path))
    document.files.append(path)
    bases = _bases(document)
    _locate_paths(document, path.parent, folder)
    result = Document()
    for base in bases:
        other = path.parent / base
        if problem := _cannot_extend(other, (*chain, path)):
            mistake = Mistake(document.place(("extends",)), ("extends",), f"{base} {problem}")
            document.mistakes.append(mistake)
        else:
            result = merged(result, _file(other, folder, (*chain, path)))
    return merged(result, document)


def _bases(document: Document) -> list[str]:
    """Take ``extends`` out of the document."""
    bases = document.data.pop("extends", None)
    if bases is None:
        return []
    bases = [bases] if isinstance(bases, str) else bases
    if isinstance(bases, list) and bases and all(isinstance(b, str) and b.strip() for b in bases):
        return bases
    message = "must be the path of a recipe, or a list of them"
    document.mistakes.append(Mistake(document.place(("extends",)), ("extends",), message))
    return []


def _locate_paths(document: Document, own: Path, first: Path) -> None:
    """Make paths, given from the folder `own`, valid from the working folder."""
    for key in PATH_KEYS:
        text = document.data.get(key)
        if isinstance(text, str) and text.strip():
            path = own / text
            document.data[key] = str(path)
            written = path.name if Path(text).is_absolute() else os.path.relpath(path, first)
            document.written_paths[key] = Path(written).as_posix()


def _cannot_extend(base: Path, chain: tuple[Path, ...]) -> str | None:
    if not base.is_file():
        return "is no file; paths are relative to the recipe"
    if any(base.samefile(link) for link in chain):
        return "extends itself in the end; break the circle"
    return None


def _flags(flags: Mapping[str, Any]) -> Document:
    data = json.loads(json.dumps(flags, default=plain))  # tuples become lists
    places: dict[Key, Place] = {
        (key,): Place("MODEL" if key == "model" else f"--{key.replace('_', '-')}") for key in data
    }
    return Document(data, places)


def _validated(document: Document) -> Recipe:
    data = {key: value for key, value in document.data.items() if value is not None}
    mistakes, recipe = list(document.mistakes), None
    try:
        recipe = _checked(data)
    except ValidationError as error:
        mistakes += [mistake(document, found) for found in error.errors(include_url=False)]
    if recipe is not None:
        for where, message in unusable(recipe):
            mistakes.append(Mistake(document.place(where), where, message))
        for key, message in contradictions(recipe):
            place = document.place((key,))
            if place.line or key != "output_path":  # flags are looked at with all other outputs
                mistakes.append(Mistake(place, (key,), message))
    if recipe is None or mistakes:
        raise refusal(mistakes)
    return recipe


def _checked(data: dict[str, Any]) -> Recipe:
    """Return the recipe that `data` are, as strict about types as JSON is.

    Paths are bytes to the system, of which some are no text; JSON knows texts only.
    """
    paths = {key: data[key] for key in PATH_KEYS if isinstance(data.get(key), str)}
    legible = {key: os.fsencode(text).decode(errors="replace") for key, text in paths.items()}
    recipe = Recipe.model_validate_json(json.dumps({**data, **legible}), strict=True)
    odd = {key: Path(text) for key, text in paths.items() if legible[key] != text}
    return recipe.model_copy(update=odd) if odd else recipe
