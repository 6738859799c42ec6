"""``make-updatable convert``: a Keras file or recipes in, updatable ``.mlmodel`` files out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.command import Command
from converter.cli.convert_options import PATH, WHAT_FEEDS_THE_HEAD, settings
from converter.cli.convert_report import Written, print_report, print_summary
from converter.cli.failure import lines
from converter.cli.parameters import (
    LARGEST_COUNT,
    Whole,
    force_option,
    json_option,
    quiet_option,
    report_option,
    verbose_option,
    yaml_option,
)
from converter.cli.report import report_outputs, write_report
from converter.cli.terminal import Progress
from converter.errors import EXIT_OK, RecipeError, UsageError
from converter.files.paths import (
    MODEL_ENDING,
    RECIPE_ENDINGS,
    Output,
    check_outputs,
    check_samples,
    check_source,
)
from converter.recipe import STARTS, Recipe

if TYPE_CHECKING:
    from converter.cli.batch import Outcome
    from converter.conversion.report import Report

MODEL_FILES = (".h5", ".hdf5", ".keras", ".json", ".zip")

SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


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
@click.option("--recipe", multiple=True, type=PATH, metavar="FILE", help="Read this recipe.")
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
    recipes = _recipes(files, recipe, flags, force, dry_run, report)
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


def _recipes(
    files: Sequence[Path],
    more: Sequence[Path],
    flags: dict[str, Any],
    force: bool,
    dry_run: bool,
    report: Path | None,
) -> list[Recipe]:
    """Return what to do, once everything that can be known beforehand is in order."""
    from converter.files.writing import check_folder, make_folder
    from converter.keras_file import check_kind
    from converter.recipe.reading import from_flags, without_bases

    paths = without_bases([*more, *(f for f in files if f.suffix in RECIPE_ENDINGS)])
    models = [file for file in files if file.suffix not in RECIPE_ENDINGS]
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
    if models:
        flags = {"model": models[0], **flags}
    folder = _folder(flags.get("output_path"), paths)
    if folder is not None:
        del flags["output_path"]
    found = _read_all(paths, flags) if paths else [from_flags(flags)]
    if folder is not None:
        (check_folder if dry_run else make_folder)(folder)
        found = [_inside(folder, recipe) for recipe in found]
    for recipe in found:
        check_source(recipe.model)
        check_samples(recipe.calibration)
    names = [f"{path}:" for path in paths] if len(paths) > 1 else [""]
    outputs = [
        Output(name, recipe.destination(), MODEL_ENDING, is_default=recipe.output_path is None)
        for name, recipe in zip(names, found, strict=True)
    ]
    outputs += report_outputs(report)
    inputs = [each for recipe in found for each in recipe.inputs()]
    unmade = folder if dry_run and folder is not None and not folder.exists() else None
    check_outputs(inputs, outputs, force=force or dry_run, unmade=unmade)
    for recipe in found:
        check_kind(recipe.model, recipe.weights)
        if dry_run and recipe.on_device:
            raise UsageError(
                "--on-device runs the file that is written, --dry-run writes none; leave one out"
            )
    return found


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
    """Read every recipe; the mistakes of all of them are reported together."""
    from converter.recipe.reading import read

    found, mistakes = [], []
    for path in paths:
        try:
            found.append(read(path, flags))
        except RecipeError as error:
            mistakes.append(str(error))
    if mistakes:
        raise RecipeError("\n".join(mistakes))
    return found


def _inside(folder: Path, recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"output_path": folder / recipe.destination().name})


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
