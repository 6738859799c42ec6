"""Which recipes a conversion is told of, checked before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from converter.cli.report import report_outputs
from converter.errors import RecipeError, UsageError
from converter.files.paths import (
    MODEL_ENDING,
    RECIPE_ENDINGS,
    Output,
    check_outputs,
    check_samples,
    check_source,
)
from converter.recipe import Recipe

SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


def recipes_of(
    files: Sequence[Path],
    more: Sequence[Path],
    flags: Mapping[str, Any],
    *,
    force: bool,
    dry_run: bool,
    report: Path | None,
) -> list[Recipe]:
    """Return what to do, once everything that can be known beforehand is in order.

    `files` are models and recipes, `more` are recipes; `flags` win over what recipes say.

    Raises:
        click.MissingParameter: there is neither a model nor a recipe.
        UsageError: what is given does not go together.
        RecipeError: recipes hold mistakes, of all of them.
        KerasFileError, OutputError: a file is not what it should be, or may not be written.
    """
    from converter.recipe.reading import without_bases

    paths = without_bases([*more, *(f for f in files if f.suffix in RECIPE_ENDINGS)])
    models = [file for file in files if file.suffix not in RECIPE_ENDINGS]
    _check_counts(models, paths, report)
    said = {**({"model": models[0]} if models else {}), **flags}
    folder = _folder(said.get("output_path"), paths)
    if folder is None:
        found = _read_all(paths, said)
    else:
        del said["output_path"]
        found = _into(folder, _read_all(paths, said), dry_run)
    for recipe in found:
        check_source(recipe.model)
        check_samples(recipe.calibration)
    unmade = folder if dry_run and folder is not None and not folder.exists() else None
    _check_places(found, paths, report, may_exist=force or dry_run, unmade=unmade)
    for recipe in found:
        _check_model(recipe, dry_run)
    return found


def _check_counts(models: Sequence[Path], paths: Sequence[Path], report: Path | None) -> None:
    """Refuse a number of models and of recipes that says nothing, or too much."""
    if not paths and not models:
        raise click.MissingParameter(param_hint="'MODEL'", param_type="argument")
    if len(models) > 1 or (models and len(paths) > 1):
        raise UsageError(
            f"{len(models)} model(s) and {len(paths)} recipe(s); give one model, perhaps with a "
            "recipe, or any number of recipes"
        )
    if report is not None and len(paths) > 1:
        raise UsageError(
            f"--report {report}: is a page on one model, but there are {len(paths)} recipes; "
            "convert that one by itself"
        )


def _folder(text: str | None, recipes: Sequence[Path]) -> Path | None:
    """Return the folder that `text`, given by ``-o``, means; None if it means a file."""
    if text is None:
        return None
    path = Path(text)
    if path.is_dir() or text.endswith(SEPARATORS):
        return path
    if len(recipes) < 2:
        return None
    if path.suffix == ".mlmodel" or path.exists():
        raise UsageError(f"-o {path}: is no folder, but there are {len(recipes)} recipes")
    return path


def _read_all(paths: Sequence[Path], flags: Mapping[str, Any]) -> list[Recipe]:
    """Read every recipe, or what flags alone say; the mistakes of all are reported together."""
    from converter.recipe.reading import from_flags, read

    if not paths:
        return [from_flags(flags)]
    found, mistakes = [], []
    for path in paths:
        try:
            found.append(read(path, flags))
        except RecipeError as error:
            mistakes.append(str(error))
    if mistakes:
        raise RecipeError("\n".join(mistakes))
    return found


def _into(folder: Path, recipes: Sequence[Recipe], dry_run: bool) -> list[Recipe]:
    """Return the recipes with `folder` as the place of what they write; make it if it is not."""
    from converter.files.writing import check_folder, make_folder

    (check_folder if dry_run else make_folder)(folder)
    return [
        recipe.model_copy(update={"output_path": folder / recipe.destination().name})
        for recipe in recipes
    ]


def _check_places(
    recipes: Sequence[Recipe],
    paths: Sequence[Path],
    report: Path | None,
    *,
    may_exist: bool,
    unmade: Path | None,
) -> None:
    """Refuse what could not, or must not, be written; the folder `unmade` is made later."""
    names = [f"{path}:" for path in paths] if len(paths) > 1 else [""]
    outputs = [
        Output(name, recipe.destination(), MODEL_ENDING, is_default=recipe.output_path is None)
        for name, recipe in zip(names, recipes, strict=True)
    ]
    inputs = [each for recipe in recipes for each in recipe.inputs()]
    check_outputs(inputs, [*outputs, *report_outputs(report)], force=may_exist, unmade=unmade)


def _check_model(recipe: Recipe, dry_run: bool) -> None:
    from converter.keras_file import check_kind

    check_kind(recipe.model, recipe.weights)
    if dry_run and recipe.on_device:
        raise UsageError(
            "--on-device runs the file that is written, --dry-run writes none; leave one out"
        )
