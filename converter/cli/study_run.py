"""``make-updatable study``: which settings to ship, found out on many users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.command import Command
from converter.cli.data_options import data_input, tell_notes
from converter.cli.parameters import PATH, json_option, quiet_option, report_option, verbose_option
from converter.cli.report import report_outputs, write_report
from converter.cli.study_options import KEYS, settings
from converter.cli.terminal import Progress
from converter.errors import EXIT_INTERRUPTED, EXIT_OK, UsageError
from converter.files.paths import RECIPE_ENDINGS, Input, Output, check_outputs
from converter.studies.model import ANSWERS, PLOTS, RESULTS

if TYPE_CHECKING:
    from converter.studies.answer import Answer
    from converter.studies.model import Study
    from converter.studies.running import Prepared

ENDINGS = {
    "results": RESULTS,
    "out": ANSWERS,
    "plot": PLOTS,
    "write_recipe": RECIPE_ENDINGS,
}
"""Option -> endings of the file that it writes."""


@click.command(
    "run",
    cls=Command,
    excludes=[
        ("users", "simulate"), ("scheduler", "scheduler_file"), ("scheduler", "workers"),
        ("scheduler_file", "workers"),
    ],
)  # fmt: skip
@click.argument("files", nargs=-1, required=True, type=PATH)
@settings
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
