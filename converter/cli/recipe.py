"""``make-updatable recipe``: write, check and show recipes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.command import Command
from converter.cli.groups import Group
from converter.cli.parameters import (
    PATH,
    file_option,
    force_option,
    json_option,
    quiet_option,
    verbose_option,
    weights_option,
)
from converter.cli.terminal import Progress
from converter.cli.verdict import tell
from converter.errors import EXIT_ERROR, EXIT_OK, RecipeError, UsageError
from converter.files.paths import RECIPE_ENDINGS, Output, check_outputs, stem
from converter.files.writing import write_bytes

if TYPE_CHECKING:
    from converter.recipe import Recipe


@click.group("recipe", cls=Group)
def command() -> None:
    """Write, check and show recipes: conversion settings in YAML files."""


@command.command("init", cls=Command)
@click.argument("model", type=PATH)
@file_option("-o", "--out", help="Default: <MODEL>.yaml; - prints it.")
@weights_option
@click.option("--signature", metavar="NAME",
              help="Which signature of a SavedModel that is read by its graph.")  # fmt: skip
@force_option
@click.option("--allow-unsafe", is_flag=True, help="Run Python code stored in the model file.")
@quiet_option
@verbose_option
def init(
    model: Path,
    out: Path | None,
    weights: Path | None,
    signature: str | None,
    force: bool,
    allow_unsafe: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write a commented recipe for MODEL, filled in with what the model says."""
    from converter import keras_file
    from converter.recipe import Recipe
    from converter.recipe.template import template

    recipe = Recipe(model=model, weights=weights, signature=signature, allow_unsafe=allow_unsafe)
    target = out or Path(f"{stem(model)}.yaml")
    if str(target) != "-":
        output = Output("-o" if out else "", target, RECIPE_ENDINGS, is_default=out is None)
        check_outputs(recipe.inputs(), [output], force=force)
    keras_file.check_kind(model, weights)
    with Progress(quiet=quiet, verbose=verbose) as progress:
        job = progress.job()
        with job.step("start"):
            keras_file.prepare()
            from converter.conversion.inspection import inspect
        found = inspect(recipe, job.step)
    values = {
        "layers": list(found.chosen),
        "optimizer": (found.optimizer or "").lower(),
        "learning_rate": found.learning_rate,
        "loss": found.loss,
        "signature": signature,
        "allow_unsafe": allow_unsafe or None,
        **found.stated,
    }
    remarks = [f"{row.name} cannot learn: {row.reason}" for row in found.layers if row.reason]
    if found.problem:
        remarks.append(f"this model cannot be converted as it is: {found.problem}")
    folder = Path() if str(target) == "-" else target.parent
    text = template(recipe, folder, values, remarks)
    if str(target) == "-":
        click.echo(text, nl=False)
        return
    write_bytes(target, text.encode())
    if not quiet:
        click.echo(f"wrote {target}; convert with: make-updatable {target}")


@command.command("check", cls=Command)
@click.argument("files", nargs=-1, required=True, type=PATH)
@json_option
@quiet_option
def check(files: tuple[Path, ...], as_json: bool, quiet: bool) -> int:
    """Report every mistake in FILES, with file, line and key; a good recipe is named.

    The files of models and labels are looked at, too. A recipe without a model that others of FILES
    extend is looked at with them.
    """
    from converter.keras_file import check_kind
    from converter.recipe.labels import read_labels
    from converter.recipe.reading import read, without_bases

    def check_model(recipe: Recipe) -> None:
        if recipe.weights is None and recipe.model.exists():
            check_kind(recipe.model)

    def check_weights(recipe: Recipe) -> None:
        if recipe.model.exists():
            check_kind(recipe.model, recipe.weights)

    def check_labels(recipe: Recipe) -> None:
        if isinstance(recipe.classes, Path):
            read_labels(recipe.classes)

    checks = {"model": check_model, "weights": check_weights, "classes": check_labels}

    mistakes, found = list[str](), list[dict[str, Any]]()
    for file in without_bases(files):
        try:
            recipe = read(file, checks=checks)
        except RecipeError as error:
            mistakes.append(str(error))
            found.append({"file": str(file), "mistakes": str(error).splitlines(), "notes": []})
            continue
        notes = [] if recipe.model.exists() else [f"{recipe.model} does not exist"]
        found.append({"file": str(file), "mistakes": [], "notes": notes})
        if quiet or as_json:
            continue
        click.echo(f"{file}: correct")
        for note in notes:
            click.echo(f"{file}: note: {note}", err=True)
    if as_json:
        tell({"recipes": found}, as_json, None)
        return EXIT_ERROR if mistakes else EXIT_OK
    if mistakes:
        raise RecipeError("\n".join(mistakes))
    return EXIT_OK


@command.command("show", cls=Command)
@click.argument("model", type=PATH)
@json_option
def show(model: Path, as_json: bool) -> None:
    """Print the recipe that MODEL.mlmodel was converted by, and the versions of the tools.

    A recipe in YAML is printed as it counts: with what it extends, without what is default.
    """
    from converter.recipe import writing
    from converter.recipe.reading import read

    if model.suffix in RECIPE_ENDINGS:
        _show(writing.text(read(model)), None, as_json)
        return
    if model.suffix != ".mlmodel":
        raise UsageError(f"{model}: is neither a .mlmodel nor a recipe in .yaml")
    from converter.conversion import metadata
    from converter.coreml import mlmodel

    spec = mlmodel.read(model)
    text = metadata.recipe_text(spec, str(model))
    _show(text, spec.description.metadata.userDefined[metadata.VERSIONS], as_json)


def _show(text: str, versions: str | None, as_json: bool) -> None:
    """Print the recipe `text`, and the versions of the tools that a model was made with."""
    if as_json:
        import yaml

        tell({"recipe": yaml.safe_load(text), "versions": versions}, as_json, None)
        return
    if versions is not None:
        click.echo(f"# made with {versions}")
    click.echo(text, nl=False)


@command.command("schema", cls=Command)
def schema() -> None:
    """Print the JSON Schema of recipes, which editors use to complete and to check them.

    With the YAML language server, the first line of a recipe names it:
    # yaml-language-server: $schema=recipe.schema.json
    """
    import json

    from converter.recipe.template import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
