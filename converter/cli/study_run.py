"""``make-updatable study``: which settings to ship, found out on many users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.command import Command
from converter.cli.data_options import PLACE, data_input, tell_notes
from converter.cli.parameters import (
    Whole,
    a_number,
    counts,
    json_option,
    numbers,
    quiet_option,
    report_option,
    verbose_option,
)
from converter.cli.report import report_outputs, write_report
from converter.cli.terminal import Progress
from converter.errors import EXIT_INTERRUPTED, EXIT_OK, UsageError
from converter.files.paths import RECIPE_ENDINGS, Input, Output, check_outputs
from converter.recipe.numbers import scaling_complaint
from converter.studies.model import ANSWERS, PLOTS, RESULTS

if TYPE_CHECKING:
    from converter.studies.answer import Answer
    from converter.studies.model import Study
    from converter.studies.running import Prepared

PATH = click.Path(path_type=Path)

KEYS = {
    "users": ("users", "data"),
    "simulate": ("users", "simulated", "data"),
    "count": ("users", "simulated", "count"),
    "common": ("common",),
    "layout": ("layout",),
    "scale": ("scale",),
    "learning_rate": ("settings", "learning_rate"),
    "momentum": ("settings", "momentum"),
    "epochs": ("settings", "epochs"),
    "batch_size": ("settings", "batch_size"),
    "samples": ("samples",),
    "test_samples": ("test_samples",),
    "seeds": ("seeds",),
    "results": ("results",),
}
"""Option -> the setting of a study that it gives."""

ENDINGS = {
    "results": RESULTS,
    "out": ANSWERS,
    "plot": PLOTS,
    "write_recipe": RECIPE_ENDINGS,
}
"""Option -> endings of the file that it writes."""


def shift(text: str) -> tuple[str, float]:
    """Return the name of a shift and its number, such as ``rotation=20``."""
    from converter.recipe.numbers import number

    name, _, value = text.partition("=")
    try:
        return name.strip().replace("-", "_"), number(value)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not like rotation=20") from None


@click.command(
    "run",
    cls=Command,
    excludes=[
        ("users", "simulate"), ("scheduler", "scheduler_file"), ("scheduler", "workers"),
        ("scheduler_file", "workers"),
    ],
)  # fmt: skip
@click.argument("files", nargs=-1, required=True, type=PATH)
@click.option(
    "--users",
    type=PLACE,
    metavar="PLACE",
    help="A folder per user with a folder per class, or an .npz file with x, y, user; of a model "
    "with several inputs their names instead of x.",
)
@click.option(
    "--simulate",
    type=PLACE,
    metavar="PLACE",
    help="Make users from this data set instead: .npz, folder, or a name of Keras.",
)
@click.option("--count", type=Whole(1), help="How many users to simulate.")
@click.option(
    "--shift",
    "shifts",
    type=shift,
    multiple=True,
    metavar="NAME=NUMBER",
    help="How users differ, such as rotation=20 or label_skew=0.5; may be repeated.",
)
@click.option(
    "--common", type=PLACE, metavar="PLACE", help="Data of everybody, to measure what is forgotten."
)
@click.option(
    "--layout",
    type=click.Choice(["auto", "nhwc", "nchw"]),
    help="Order of the axes of arrays, where both fit the model.",
)
@click.option(
    "--scale",
    type=a_number(scaling_complaint),
    metavar="FACTOR",
    help="Multiply all data by this, such as 1/255.",
)
@click.option("--learning-rate", type=numbers, metavar="LIST", help="Step sizes to try.")
@click.option("--momentum", type=numbers, metavar="LIST", help="Momenta to try.")
@click.option("--epochs", type=counts, metavar="LIST", help="Numbers of epochs to try.")
@click.option("--batch-size", type=counts, metavar="LIST", help="Samples per step to try.")
@click.option(
    "--samples",
    type=counts,
    metavar="LIST",
    help="How many samples a user gives (default: 5,10,20,50).",
)
@click.option("--test-samples", type=Whole(1), help="Other samples of each user, to test with.")
@click.option("--seeds", type=counts, metavar="LIST", help="Seeds (default: 0,1,2).")
@click.option(
    "--results",
    type=PATH,
    metavar="FILE",
    help="Where results are kept (default: <STUDY>.results); a study goes on from it.",
)
@click.option(
    "-o",
    "--out",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="Write the answer to a .json or .csv file; may be repeated.",
)
@click.option("--plot", type=PATH, metavar="FILE", help="Draw it to an .svg or .png file.")
@click.option(
    "--write-recipe",
    type=PATH,
    metavar="FILE",
    help="Write a recipe with the recommended default and the range that reaches the goal.",
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="A scheduler of Dask that runs, such as tcp://host:8786."
)
@click.option(
    "--scheduler-file",
    type=PATH,
    metavar="FILE",
    help="The file in which a scheduler of Dask has written its address.",
)
@click.option(
    "--workers", type=Whole(1, 1024), help="Processes on this machine (default: one for each core)."
)
@click.option("--memory-limit", metavar="SIZE", help="What a worker may take, such as 2GB.")
@report_option
@json_option
@quiet_option
@verbose_option
def run(files: tuple[Path, ...], **options: Any) -> int:
    """Tell which learning rate, epochs and layers to ship, from how many users fare with them.

    \b
    make-updatable study STUDY.yaml -o study.json --plot study.svg
    make-updatable study Model.mlmodel --simulate mnist --shift rotation=30 --learning-rate 0.001,0.01

    FILES is one study in YAML, or the models to compare. What is done is kept in the file of
    results: the same command goes on where an interrupted one was.
    """  # noqa: D301, E501 (click reads \\b)
    _check(files, options, [])
    study, place = _study(files, options)
    _check(files, {**options, "results": place}, _inputs(study))
    with Progress(quiet=options["quiet"], verbose=options["verbose"]) as progress:
        job = progress.job()
        with job.step("start"):
            from converter.studies import cluster
            from converter.studies.running import prepare
        if options["plot"] is not None:
            from converter.drawing import check_matplotlib

            check_matplotlib("--plot")
        where = cluster.Where(
            options["scheduler"], options["scheduler_file"], options["workers"],
            options["memory_limit"],
        )  # fmt: skip
        most_bytes = where.most_bytes
        with job.step("reading the models and the data"):
            prepared = prepare(study, most_bytes)
    tell_notes(prepared.population.notes, options["quiet"])
    _check_recipe(prepared, options["write_recipe"])
    try:
        answer = _answered(prepared, place, where, options)
    except KeyboardInterrupt:
        click.echo(f"interrupted; run the same command again to go on from {place}", err=True)
        return EXIT_INTERRUPTED
    _show(answer, options)
    return EXIT_OK


def _study(files: Sequence[Path], options: Mapping[str, Any]) -> tuple[Study, Path]:
    """Return what `files` and flags tell, and where results are kept."""
    from converter.studies.reading import from_flags, read

    flags: dict[tuple[str | int, ...], tuple[str, Any]] = {
        key: (f"--{name.replace('_', '-')}", options[name])
        for name, key in KEYS.items() if options[name] is not None
    }  # fmt: skip
    for name, value in options["shifts"]:
        whole = int(value) if value.is_integer() else value
        flags["users", "simulated", "shifts", name] = (f"--shift {name}", whole)
    if _is_study(files):
        study, source = read(files[0], flags), files[0]
    else:
        flags["models",] = "FILES", [str(file) for file in files]
        if not {("users", "data"), ("users", "simulated", "data")} & flags.keys():
            raise UsageError("whose samples? give --users or --simulate, or a study in YAML")
        study, source = from_flags(flags), None
    return study, study.place(source)


def _is_study(files: Sequence[Path]) -> bool:
    is_yaml = [file.suffix in RECIPE_ENDINGS for file in files]
    if any(is_yaml) and len(files) > 1:
        raise UsageError("give one study in YAML, or models; a study names recipes as its models")
    return any(is_yaml)


def _inputs(study: Study) -> list[Input]:
    """Return all that a study reads, and all that its recipes do."""
    from converter.recipe.reading import read

    found = [data_input(each.name, str(each.path)) if each.name != "models" else each
             for each in study.inputs()]  # fmt: skip
    for path in study.models:
        if path.suffix in RECIPE_ENDINGS:
            found += read(path).inputs()
    return found


def _check(files: Sequence[Path], options: Mapping[str, Any], inputs: Sequence[Input]) -> None:
    """Refuse before anything is computed what could not, or must not, be written after it."""
    read = [Input("FILES", file) for file in files]
    for name in ("users", "simulate", "common"):
        if options[name] is not None:
            read.append(data_input(f"--{name}", options[name]))
    if options["scheduler_file"] is not None:
        read.append(Input("--scheduler-file", options["scheduler_file"]))
    outputs = [
        Output("-o" if name == "out" else f"--{name.replace('_', '-')}", path, endings)
        for name, endings in ENDINGS.items()
        for path in (options[name] if name == "out" else [options[name]])
        if path is not None
    ]
    check_outputs([*read, *inputs], [*outputs, *report_outputs(options["report"])])


def _check_recipe(prepared: Prepared, target: Path | None) -> None:
    """Refuse to write a recipe where nothing tells how a model was converted."""
    if target is None:
        return
    without = [model.name for model in prepared.models if model.recipe is None]
    if without:
        from converter.studies.writing import without_recipe

        raise UsageError(without_recipe(without[0]))


def _answered(prepared: Prepared, place: Path, where: Any, options: Mapping[str, Any]) -> Answer:
    """Compute what is lacking, and return what all of it means."""
    from contextlib import closing

    from converter.cli.study_progress import StudyProgress
    from converter.studies.answer import answer
    from converter.studies.running import run_on
    from converter.studies.store import Store

    with closing(Store(place)) as store:
        with StudyProgress(prepared, options["quiet"], options["verbose"]) as progress:
            run_on(prepared, store, where, progress.hear)
        return answer(prepared, store)


def _show(answer: Answer, options: Mapping[str, Any]) -> None:
    from converter.studies import writing

    say: Callable[[str], None] = (
        (lambda line: None) if options["quiet"] or options["as_json"] else click.echo
    )
    if options["as_json"]:
        import json

        click.echo(json.dumps(writing.as_json(answer), indent=1, ensure_ascii=False))
    elif not options["quiet"]:
        from converter.cli.study_table import print_answer

        print_answer(answer)
    for target in options["out"]:
        writing.write(answer, target)
        say(f"wrote {target}")
    if options["plot"] is not None:
        from converter.studies.plots import write_plot

        write_plot(answer, options["plot"])
        say(f"wrote {options['plot']}")
    if options["write_recipe"] is not None:
        writing.write_recipe(answer, options["write_recipe"])
        say(f"wrote {options['write_recipe']}")
    if options["report"] is not None:
        from converter.page.study import study

        name = ", ".join(model.name for model in answer.models)
        is_quiet = options["quiet"] or options["as_json"]
        write_report(options["report"], f"{name}: study", study(answer), quiet=is_quiet)
