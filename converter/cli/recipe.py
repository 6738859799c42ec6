"""``make-updatable recipe``: write, check and show recipes."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli.terminal import Progress
from converter.errors import OutputError, RecipeError, UsageError
from converter.files import write_bytes

PATH = click.Path(path_type=Path)


@click.group("recipe")
def command() -> None:
    """Write, check and show recipes: conversion settings in YAML files."""


@command.command("init")
@click.argument("model", type=PATH)
@click.option("-o", "--out", type=PATH, metavar="FILE", help="Default: <MODEL>.yaml; - prints it.")
@click.option("--allow-unsafe", is_flag=True, help="Run Python code stored in the model file.")
def init(model: Path, out: Path | None, allow_unsafe: bool) -> None:
    """Write a commented recipe for MODEL, filled in with what the model says."""
    from converter import keras_file
    from converter.recipe import Recipe
    from converter.recipe.template import template

    target = out or Path(f"{model.stem}.yaml")
    if target.exists():
        raise OutputError(f"{target}: exists already; give another name with -o")
    recipe = Recipe(model=model, allow_unsafe=allow_unsafe)
    with Progress() as progress:
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
        "allow_unsafe": allow_unsafe or None,
    }
    remarks = [f"{row.name} cannot learn: {row.reason}" for row in found.layers if row.reason]
    if found.problem:
        remarks.append(f"this model cannot be converted as it is: {found.problem}")
    folder = Path() if str(target) == "-" else target.parent
    text = template(model, folder, values, remarks)
    if str(target) == "-":
        click.echo(text, nl=False)
        return
    write_bytes(target, text.encode())
    click.echo(f"wrote {target}; convert with: make-updatable {target}")


@command.command("check")
@click.argument("files", nargs=-1, required=True, type=PATH)
def check(files: tuple[Path, ...]) -> None:
    """Report every mistake in FILES, with file, line and key; a good recipe is named."""
    from converter.recipe.reading import read

    mistakes = []
    for file in files:
        try:
            recipe = read(file)
        except RecipeError as error:
            mistakes.append(str(error))
            continue
        click.echo(f"{file}: correct")
        if not recipe.model.exists():
            click.echo(f"{file}: note: {recipe.model} does not exist", err=True)
    if mistakes:
        raise RecipeError("\n".join(mistakes))


@command.command("show")
@click.argument("model", type=PATH)
def show(model: Path) -> None:
    """Print the recipe that MODEL.mlmodel was converted by, and the versions of the tools.

    A recipe in YAML is printed as it counts: with what it extends, without what is default.
    """
    from converter.recipe import writing
    from converter.recipe.reading import read

    if model.suffix in (".yaml", ".yml"):
        click.echo(writing.text(read(model)), nl=False)
        return
    if model.suffix != ".mlmodel":
        raise UsageError(f"{model}: is neither a .mlmodel nor a recipe in .yaml")
    from converter.conversion import metadata
    from converter.coreml import mlmodel

    spec = mlmodel.read(model)
    text = metadata.recipe_text(spec, str(model))
    click.echo(f"# made with {spec.description.metadata.userDefined[metadata.VERSIONS]}")
    click.echo(text, nl=False)


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of recipes, which editors use to complete and to check them.

    With the YAML language server, the first line of a recipe names it:
    # yaml-language-server: $schema=recipe.schema.json
    """
    import json

    from converter.recipe.template import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
