"""``make-updatable convert``: a Keras file or recipes in, updatable ``.mlmodel`` files out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.command import Command
from converter.cli.failure import lines
from converter.cli.parameters import (
    LARGEST_COUNT,
    Whole,
    a_number,
    force_option,
    per_channel,
    quiet_option,
    report_option,
    shape,
    verbose_option,
)
from converter.cli.printable import printable
from converter.cli.report import report_outputs, write_report
from converter.cli.terminal import Progress
from converter.coreml.encoding import PRECISIONS
from converter.errors import EXIT_OK, RecipeError, UsageError
from converter.paths import (
    MODEL_ENDING,
    RECIPE_ENDINGS,
    Output,
    check_outputs,
    check_samples,
    check_source,
)
from converter.recipe import LOSSES, MOST_SPARE, STARTS, Recipe

if TYPE_CHECKING:
    from converter.cli.batch import Outcome
    from converter.conversion.compression import Compression
    from converter.conversion.report import Report
    from converter.coreml.inspection import Update

MODEL_FILES = (".h5", ".hdf5", ".keras")

SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


def _names(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Any:
    """Return the names in lists such as ``a,b``, None if there is no list."""
    return tuple(name for part in value for name in _parts(part)) or None


def _parts(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise click.BadParameter(f"{text!r} holds an empty name")
    return parts


def _classes(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Return a path to a file of labels, or the labels: numbers if all of them are."""
    if value is None:
        return None
    if "," not in value:
        return Path(value)
    labels = tuple(_parts(value))
    if all(label.lstrip("-").isdigit() for label in labels):
        return tuple(int(label) for label in labels)
    return labels


def _label(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Return a label: a number if it is one."""
    return int(value) if value is not None and NUMBER.fullmatch(value) else value


NUMBER = re.compile(r"-?[0-9]{1,19}")
"""A label that is a number; what has more digits is a text."""


WHAT_FEEDS_THE_HEAD = "*"
"""What stands for ``--knn`` without a layer; no layer has that name."""


def _option(flag: str, *more: str, **settings: Any) -> Callable[[Any], Any]:
    """Return a click option for the field of `Recipe` that `flag` names, described as there."""
    name = flag.split("/")[0].removeprefix("--").replace("-", "_")
    return click.option(flag, *more, help=Recipe.model_fields[name].description, **settings)


PATH = click.Path(path_type=Path)


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


@click.command("convert", cls=Convert)
@click.argument("files", nargs=-1, type=PATH, metavar="MODEL | RECIPE.yaml...")
@click.option("--recipe", multiple=True, type=PATH, metavar="FILE", help="Read this recipe.")
@_option("--output-path", "-o", "--out", type=click.Path(), metavar="PATH")
@_option("--layers", multiple=True, callback=_names, metavar="NAMES")
@_option("--output", metavar="NAME")
@_option("--input-shape", type=shape, metavar="H,W,C")
@_option("--layout", type=click.Choice(["auto", "network", "pipeline"]))
@_option("--frozen-weights", type=click.Choice(PRECISIONS))
@_option("--calibration", type=PATH, metavar="DATA")
@_option("--loss", type=click.Choice(LOSSES))
@_option("--optimizer", type=click.Choice(["sgd", "adam"]))
@_option("--learning-rate", type=a_number())
@_option("--momentum", type=a_number())
@_option("--beta-1", type=a_number())
@_option("--beta-2", type=a_number())
@_option("--epsilon", type=a_number())
@_option("--epochs", type=Whole(1))
@_option("--batch-size", type=Whole(1))
@_option("--shuffle/--no-shuffle", default=None)
@_option("--seed", type=Whole())
@_option("--image", type=click.Choice(["rgb", "bgr", "gray"]))
@_option("--scale", type=a_number())
@_option("--bias", type=per_channel, metavar="R,G,B")
@_option("--classes", type=click.Path(), callback=_classes, metavar="LABELS")
@_option("--new-head", type=click.Choice(STARTS), is_flag=False, flag_value="glorot")
@_option("--spare-classes", type=Whole(1, MOST_SPARE), metavar="COUNT")
@_option("--input-name", metavar="NAME")
@_option("--output-name", metavar="NAME")
@_option("--label-name", metavar="NAME")
@_option("--knn", is_flag=False, flag_value=WHAT_FEEDS_THE_HEAD, metavar="[LAYER]")
@_option("--neighbors", type=Whole(1))
@_option("--knn-weighting", type=click.Choice(["uniform", "inverse_distance"]))
@_option("--knn-index", type=click.Choice(["linear", "kd_tree"]))
@_option("--knn-leaf-size", type=Whole(1))
@_option("--default-label", callback=_label, metavar="LABEL")
@_option("--knn-samples", type=click.Path(), metavar="PLACE")
@_option("--knn-scale", type=a_number())
@_option("--verify/--no-verify", default=None)
@_option("--tolerance", type=a_number())
@_option("--verify-update", is_flag=True, default=None)
@_option("--on-device", is_flag=True, default=None)
@_option("--allow-unsafe", is_flag=True, default=None)
@force_option
@click.option(
    "-j", "--jobs", type=Whole(1, LARGEST_COUNT), help="Recipes at a time (default: cores)."
)
@report_option
@quiet_option
@verbose_option
def command(
    files: tuple[Path, ...],
    recipe: tuple[Path, ...],
    force: bool,
    jobs: int | None,
    report: Path | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> int:
    """Convert a trained Keras MODEL (.h5 or .keras) to an updatable Core ML model.

    \b
    make-updatable model.h5 --layers dense_5,dense_6
    make-updatable model.keras --image rgb --classes cat,dog -o CatDog.mlmodel
    make-updatable --recipe lenet.yaml --epochs 5
    make-updatable recipes/*.yaml -o build/

    Options win over recipes. With several recipes PATH is a folder, which is made. What PATH, or
    output_path of a recipe, names is overwritten; a default name only with --force.
    """  # noqa: D301 (click reads \\b)
    files, options["knn"] = _features(files, options["knn"])
    flags = {name: value for name, value in options.items() if value is not None}
    recipes = _recipes(files, recipe, flags, force, report)
    from converter.cli.batch import Outcome, convert_all

    with Progress(quiet=quiet, verbose=verbose) as progress:
        if len(recipes) > 1:
            outcomes = convert_all(recipes, jobs or os.cpu_count() or 1, progress)
        else:
            outcomes = [Outcome(_convert(recipes[0], progress))]
    for each, outcome in zip(recipes, outcomes, strict=True):
        _print(outcome, each.destination(), quiet, full=verbose or len(recipes) == 1)
    if report is not None and outcomes[0].report is not None:
        _write_page(report, outcomes[0].report, recipes[0].destination(), quiet)
    failed = next((outcome.exit_code for outcome in outcomes if outcome.exit_code), EXIT_OK)
    return failed or _check_on_device(recipes, quiet)


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
    report: Path | None,
) -> list[Recipe]:
    """Return what to do, once everything that can be known beforehand is in order."""
    from converter.files import make_folder
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
        make_folder(folder)
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
    check_outputs([each for recipe in found for each in recipe.inputs()], outputs, force=force)
    for recipe in found:
        check_kind(recipe.model)
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


def _convert(recipe: Recipe, progress: Progress) -> Report:
    from converter import keras_file

    job = progress.job()
    with job.step("start"):
        keras_file.prepare()  # it starts while TensorFlow does
        from converter.conversion.story import convert_file

    return convert_file(recipe, job.step)


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


def _print(outcome: Outcome, target: Path, quiet: bool, full: bool) -> None:
    """Print what came of one recipe: an error, or a report in full or in a line."""
    if outcome.report is None:
        click.echo(lines(outcome.error, outcome.exit_code, str(target)), err=True)
    elif not quiet:
        (print_report if full else print_summary)(outcome.report, target)


def _check_on_device(recipes: Sequence[Recipe], quiet: bool) -> int:
    """Run an update in Core ML where a recipe asks for it; return the first exit code not 0."""
    codes = [EXIT_OK]
    for recipe in recipes:
        if recipe.on_device:
            from converter.cli.device_check import run_device_check

            codes.append(run_device_check(recipe.destination(), quiet=quiet))
    return next((code for code in codes if code), EXIT_OK)


def print_summary(report: Report, target: Path) -> None:
    """Print what a conversion did in one line, and every note."""
    parity = "not checked" if report.parity is None else f"{report.parity:.1e}{report.caution}"
    size = f"{report.size / 1e6:.1f} MB"
    click.echo(f"wrote {target} ({size}); learns {report.learning}; parity {parity}")
    if report.compression is not None:
        for name, text in _in_float32(report.compression, report.size):
            click.echo(f"  {name}: {text}")
    for note in report.notes:
        click.echo(f"  note: {printable(note)}")


def print_report(report: Report, target: Path) -> None:
    """Print what a conversion did: the layers, how they learn, and every note."""
    from converter.cli.tables import layer_table, plain_console, print_table

    console = plain_console()
    for member in report.models or (report,):
        if member.name:
            state = "learns" if member.updatable else "stays as it is"
            console.print(printable(f"'{member.name}' of the pipeline, {state}"), markup=False)
        if member.layers:
            print_table(layer_table(member.layers), console)
    for name, text in _facts(report):
        console.print(printable(f"{name:<16} {text}"), markup=False)
    for note in report.notes:
        console.print(printable(f"note: {note}"), markup=False)
    console.print(f"wrote {target} ({report.size / 1e6:.1f} MB)", markup=False)


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what the app has to know of the written model: (what, text)."""
    from converter.cli.tables import classes, features, neighborhood

    yield "inputs", features(report.inputs)
    if report.pixels:
        yield "pixels", f"{report.pixels} reaches the first layer with weights"
    yield "outputs", features(report.outputs)
    if report.labels:
        yield "classes", classes(report.labels)
    yield "training inputs", features(report.training_inputs)
    if report.update is not None:
        yield from _learning(report.loss, report.update)
    elif report.neighbors is not None:
        yield from neighborhood(report.neighbors)
    if report.parity is None:
        yield "parity", "not checked (--no-verify)"
    else:
        yield "parity", f"{report.parity:.1e} of the range of Keras's output{report.caution}"
    if report.compression is not None:
        yield from _in_float32(report.compression, report.size)


def _learning(loss: str, update: Update) -> Iterator[tuple[str, str]]:
    """Yield how layers learn by a loss: (what, text)."""
    from converter.cli.tables import allowed, order

    yield "loss", loss
    numbers = dict(update.parameters)
    counts = {name: numbers.pop(name) for name in ("epochs", "batch_size")}
    listed = ", ".join(f"{name} {allowed(number)}" for name, number in numbers.items())
    yield "optimizer", f"{update.optimizer}: {listed}"
    for name, count in counts.items():
        yield name.replace("_", " "), allowed(count)
    yield "shuffle", order(update)


def _in_float32(compression: Compression, size: int) -> Iterator[tuple[str, str]]:
    """Yield what the same model is like with all weights in float32."""
    parity = "" if compression.parity is None else f", parity {compression.parity:.1e}"
    share = size / compression.size
    yield (
        "frozen weights",
        (
            f"{compression.precision}: {share:.2f} of the size of float32, "
            f"{compression.size / 1e6:.1f} MB{parity}"
        ),
    )
    if compression.calibration is not None:
        yield "calibration", str(compression.calibration)
