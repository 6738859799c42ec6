"""``make-updatable evaluate``: how well a model answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.command import Command
from converter.cli.data_options import (
    batch_notes,
    batch_size_option,
    data_input,
    data_options,
    tell_notes,
)
from converter.cli.parameters import PATH, json_option, quiet_option, report_option, verbose_option
from converter.cli.report import report_outputs, write_report
from converter.cli.terminal import Progress
from converter.cli.verdict import tell
from converter.files.paths import Input, check_outputs

if TYPE_CHECKING:
    from converter.coreml.mlmodel import Message
    from converter.page import Section
    from converter.runtime import Labelled, Score


@click.command("evaluate", cls=Command)
@click.argument("model", type=PATH)
@data_options
@batch_size_option
@report_option
@json_option
@quiet_option
@verbose_option
def command(
    model: Path,
    data: str,
    layout: Any,
    scale: float,
    batch_size: int,
    report: Path | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Tell the loss and the accuracy of MODEL (.mlmodel) on labelled data.

    \b
    make-updatable evaluate LeNet.mlmodel --data mnist --scale 1/255

    Of data with a part for testing, that part is used.
    """  # noqa: D301 (click reads \\b)
    from converter.coreml import mlmodel

    check_outputs([Input("MODEL", model), data_input("--data", data)], report_outputs(report))
    message = mlmodel.read(model)
    with Progress(quiet=quiet, verbose=verbose) as progress:
        job = progress.job()
        with job.step("start"):
            from converter import data as places
            from converter import runtime
        with job.step("reading the data"):
            found = places.read(data, message, places.Reading(layout, scale))
            tell_notes([*found.notes, *batch_notes(message, batch_size)], quiet)
            part = found.test or found.train
        with job.step("computing"):
            score = runtime.evaluate(message, part, batch_size)
            sections = [] if report is None else _sections(model, message, part, score, batch_size)
    _print(score, len(part.samples), as_json)
    if report is not None:
        write_report(report, f"{model.name}: evaluated", sections, quiet=quiet or as_json)


def _sections(
    model: Path, message: Message, data: Labelled, score: Score, batch_size: int
) -> list[Section]:
    """Return what the page shows."""
    from converter.page.looked_at import after_evaluation
    from converter.page.model import core_ml_sections

    return [
        *after_evaluation(message, data, score, batch_size),
        *core_ml_sections(message, model.stat().st_size),
    ]


def _print(score: Score, samples: int, as_json: bool) -> None:
    if as_json:
        facts = {"samples": samples, "loss": score.loss, "accuracy": score.accuracy}
        tell(facts, as_json, None)
        return
    click.echo(f"samples   {samples}")
    if score.loss is not None:
        click.echo(f"loss      {score.loss:.6f}")
    if score.accuracy is not None:
        click.echo(f"accuracy  {score.accuracy:.6f}")
