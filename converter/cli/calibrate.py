"""``make-updatable calibrate``: how Core ML counts, from what a Mac has recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.command import Command
from converter.cli.parameters import PATH, json_option, quiet_option
from converter.cli.printable import printable
from converter.cli.verdict import tell
from converter.errors import EXIT_ERROR, EXIT_OK
from converter.files.paths import Input, Output, check_outputs

if TYPE_CHECKING:
    from converter.calibration import Answer
    from converter.device.record import Record


@click.command("calibrate", cls=Command)
@click.argument("record", type=PATH)
@click.option(
    "-o",
    "--out",
    type=PATH,
    help="Write the arithmetic to a .json file for train --arithmetic.",
)
@json_option
@quiet_option
def command(record: Path, out: Path | None, as_json: bool, quiet: bool) -> int:
    """Tell how Core ML counts, from the RECORD (.json) of its trainings on a Mac.

    \b
    make-updatable verify --on-device --calibrate -o record.json   # on a Mac
    make-updatable calibrate record.json -o coreml.json            # anywhere
    make-updatable train Model.mlmodel --data … --arithmetic coreml.json

    For each question: the answer, how far what it would have left is from what was seen, and the
    next possible answer. Exits with 1 if a question has no answer.
    """  # noqa: D301 (click reads \\b)
    if out is not None:
        check_outputs([Input("RECORD", record)], [Output("-o", out, (".json",))])
    from converter.arithmetic import write
    from converter.calibration import decode, known
    from converter.calibration.remarks import remarks
    from converter.device.record import read

    found = read(record)
    answers = decode(found)
    if as_json:
        facts = {
            "machine": found.machine,
            "answers": list(map(asdict, answers)),
            "remarks": list(remarks(found, answers)),
        }
        tell(facts, as_json, None)
    elif not quiet or out is None:
        machine = ", ".join(found.machine.values())
        for line in (machine, *map(described, answers), *remarks(found, answers)):
            click.echo(printable(line))
    if out is not None:
        write(out, _about(found, answers), known(answers))
        if not (quiet or as_json):
            click.echo(f"wrote {out}")
    return EXIT_OK if all(answer.options for answer in answers) else EXIT_ERROR


def described(answer: Answer) -> str:
    """Return an answer in one line."""
    if answer.nearest is None:
        return f"{answer.field:<14} not measured"
    if not answer.options:
        said = f"none of these; nearest is {answer.nearest}"
    elif len(answer.options) > 1:
        said = f"{' or '.join(map(str, answer.options))} (this record cannot tell them apart)"
    else:
        said = str(answer.options[0])
    line = f"{answer.field:<14} {said}, off by {answer.difference:.1e}"
    if answer.runner_up is None:
        return line
    return f"{line}; next {answer.runner_up}, off by {answer.runner_up_difference:.1e}"


def _about(record: Record, answers: Sequence[Answer]) -> str:
    """Return where the arithmetic comes from, and what of it is not known."""
    said = f"measured on {', '.join(record.machine.values())}"
    open_ones = [answer.field for answer in answers if not answer.options]
    return f"{said}; not known: {', '.join(open_ones)}" if open_ones else said
