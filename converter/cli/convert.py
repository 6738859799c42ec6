"""``make-updatable convert``: a Keras file or recipes in, updatable ``.mlmodel`` files out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.command import Command
from converter.cli.convert_options import WHAT_FEEDS_THE_HEAD, settings
from converter.cli.convert_recipes import recipes_of
from converter.cli.convert_report import Written, print_report, print_summary
from converter.cli.failure import lines
from converter.cli.parameters import (
    LARGEST_COUNT,
    PATH,
    Whole,
    file_option,
    force_option,
    json_option,
    quiet_option,
    report_option,
    verbose_option,
    yaml_option,
)
from converter.cli.report import write_report
from converter.cli.terminal import Progress
from converter.errors import EXIT_OK
from converter.files.paths import RECIPE_ENDINGS
from converter.recipe import STARTS, Recipe

if TYPE_CHECKING:
    from converter.cli.batch import Outcome
    from converter.conversion.report import Report

MODEL_FILES = (".h5", ".hdf5", ".keras", ".json", ".zip")


class Convert(Command):
    """The command, whose ``--new-head`` may stand alone: what follows may be the model."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; what is empty is refused as everywhere."""
        told = [
            "--new-head=glorot"
            if one == "--new-head" and after.strip() not in ("", *STARTS)
            else one
            for one, after in zip(args, [*args[1:], ""], strict=False)
        ]
        return super().parse_args(ctx, told)


@click.command("convert", cls=Convert, excludes=[("as_json", "as_yaml"), ("dry_run", "report")])
@click.argument("files", nargs=-1, type=PATH, metavar="MODEL | RECIPE.yaml...")
@file_option("--recipe", multiple=True, help="Read this recipe.")
@settings
@force_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Do everything, the comparison with Keras too, but write nothing.",
)
@click.option(
    "-j", "--jobs", type=Whole(1, LARGEST_COUNT), help="Recipes at a time (default: cores)."
)
@report_option
@json_option
@yaml_option
@quiet_option
@verbose_option
def command(
    files: tuple[Path, ...],
    recipe: tuple[Path, ...],
    force: bool,
    dry_run: bool,
    jobs: int | None,
    report: Path | None,
    as_json: bool,
    as_yaml: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> int:
    """Convert a trained Keras MODEL, in any form that it was saved in, to an updatable .mlmodel.

    \b
    make-updatable model.h5 --layers dense_5,dense_6
    make-updatable model.keras --image rgb --classes cat,dog -o CatDog.mlmodel
    make-updatable model.json --weights model.weights.h5
    make-updatable --recipe lenet.yaml --epochs 5
    make-updatable recipes/*.yaml -o build/

    Options win over recipes. With several recipes PATH is a folder, which is made. What PATH, or
    output_path of a recipe, names is overwritten; a default name only with --force. --dry-run wants
    no --force: it checks where the model would go, and says how large it would be.
    """  # noqa: D301 (click reads \\b)
    files, options["knn"] = _features(files, options["knn"])
    flags = {name: value for name, value in options.items() if value is not None}
    recipes = recipes_of(files, recipe, flags, force=force, dry_run=dry_run, report=report)
    from converter.cli.batch import Outcome, convert_all

    with Progress(quiet=quiet, verbose=verbose) as progress:
        if len(recipes) > 1:
            outcomes = convert_all(recipes, jobs or os.cpu_count() or 1, progress, dry_run)
        else:
            outcomes = [Outcome(_convert(recipes[0], progress, dry_run))]
    written = [Written(each.destination(), dry_run) for each in recipes]
    if as_json or as_yaml:
        _print_data(outcomes, written, as_json)
    else:
        for place, outcome in zip(written, outcomes, strict=True):
            _print(outcome, place, quiet, full=verbose or len(recipes) == 1)
    is_quiet = quiet or as_json or as_yaml
    if report is not None and outcomes[0].report is not None:
        _write_page(report, outcomes[0].report, recipes[0].destination(), is_quiet)
    failed = next((outcome.exit_code for outcome in outcomes if outcome.exit_code), EXIT_OK)
    return failed or _check_on_device(recipes, is_quiet)


def _features(
    files: tuple[Path, ...], knn: str | None
) -> tuple[tuple[Path, ...], str | bool | None]:
    """Return the files, and where ``--knn`` takes the features: True if it does not say.

    A file right behind ``--knn`` is no layer, but what shall be converted.
    """
    if knn is not None and Path(knn).suffix in (*MODEL_FILES, *RECIPE_ENDINGS):
        return (Path(knn), *files), True
    return files, True if knn == WHAT_FEEDS_THE_HEAD else knn


def _convert(recipe: Recipe, progress: Progress, dry_run: bool) -> Report:
    from converter import keras_file

    job = progress.job()
    with job.step("start"):
        keras_file.prepare()  # it starts while TensorFlow does
        from converter.conversion.story import convert_file

    return convert_file(recipe, job.step, dry_run=dry_run)


def _write_page(target: Path, report: Report, model: Path, quiet: bool) -> None:
    """Write the page on a conversion; the `model` that it is about is written already."""
    from converter.coreml import mlmodel
    from converter.page.model import core_ml_sections
    from converter.page.notes import notes
    from converter.page.parity import parity

    sections = [
        *core_ml_sections(mlmodel.read(model), report.size, parity(report)),
        *notes(report.notes),
    ]
    write_report(target, f"{model.name}: converted", sections, quiet=quiet)


def _print_data(outcomes: Sequence[Outcome], written: Sequence[Written], as_json: bool) -> None:
    """Print what came of the recipes: of one a mapping, of several a list of them."""
    from converter.cli.data_printing import print_data

    found = [_data(*each) for each in zip(outcomes, written, strict=True)]
    print_data(found[0] if len(found) == 1 else found, as_json)


def _data(outcome: Outcome, written: Written) -> dict[str, Any]:
    head: dict[str, Any] = {"file": str(written.target), "dry_run": written.dry_run}
    if outcome.report is None:
        return {**head, "error": outcome.error, "exit_code": outcome.exit_code}
    return {**head, **asdict(outcome.report)}


def _print(outcome: Outcome, written: Written, quiet: bool, full: bool) -> None:
    """Print what came of one recipe: an error, or a report in full or in a line."""
    if outcome.report is None:
        click.echo(lines(outcome.error, outcome.exit_code, str(written.target)), err=True)
    elif not quiet:
        (print_report if full else print_summary)(outcome.report, written)


def _check_on_device(recipes: Sequence[Recipe], quiet: bool) -> int:
    """Run an update in Core ML where a recipe asks for it; return the first exit code not 0."""
    codes = [EXIT_OK]
    for recipe in recipes:
        if recipe.on_device:
            from converter.cli.device_check import run_device_check

            codes.append(run_device_check(recipe.destination(), quiet=quiet))
    return next((code for code in codes if code), EXIT_OK)
