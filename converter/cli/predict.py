"""``make-updatable predict``: what a model answers."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from converter.cli.command import Command
from converter.cli.data_options import batch_size_option, data_input, data_options, tell_notes
from converter.cli.parameters import quiet_option, verbose_option
from converter.cli.printable import printable
from converter.cli.terminal import Progress
from converter.errors import ModelFileError
from converter.files import replacing, write_bytes
from converter.paths import Input, Output, check_outputs

SHOWN = 20
"""Answers that are printed when nothing is written."""


@click.command("predict", cls=Command, needs={"quiet": ["out"]})
@click.argument("model", type=click.Path(path_type=Path))
@data_options
@batch_size_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Write all outputs to an .npz file, or the best class of each sample to a .csv file.",
)
@quiet_option
@verbose_option
def command(
    model: Path,
    data: str,
    layout: Any,
    scale: float,
    batch_size: int,
    out: Path | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Print what MODEL (.mlmodel) answers for each sample; --data may be one image too.

    \b
    make-updatable predict CatDog.mlmodel --data photo.jpg
    make-updatable predict LeNet.mlmodel --data digits.npz -o answers.npz
    """  # noqa: D301 (click reads \\b)
    from converter.coreml import mlmodel

    if out is not None:
        inputs = Input("MODEL", model), data_input("--data", data)
        check_outputs(inputs, [Output("-o", out, (".npz", ".csv"))])
    message = mlmodel.read(model)
    with Progress(quiet=quiet, verbose=verbose) as progress:
        job = progress.job()
        with job.step("start"):
            from converter import data as places
            from converter import runtime
        with job.step("reading the data"):
            found = places.read_inputs(data, message, places.Reading(layout, scale))
            tell_notes(found.notes, quiet)
        with job.step("computing"):
            outputs = runtime.predict_samples(message, found.samples, batch_size)
    if out is None:
        for row in _answers(found.names[:SHOWN], outputs):
            click.echo(printable("  ".join(row)))
        if len(found.names) > SHOWN:
            click.echo(f"… and {len(found.names) - SHOWN} more; write them all with -o")
        return
    if out.suffix == ".npz":
        with replacing(out) as temporary, temporary.open("wb") as file:
            arrays: dict[str, Any] = dict(outputs)
            np.savez(file, **arrays)
    else:
        write_bytes(out, _table(_answers(found.names, outputs)))
    if not quiet:
        click.echo(f"wrote {out}")


def _answers(names: Sequence[str], outputs: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield for each sample its name, its best class (label or index) and that class's value."""
    labels = next((array for array in outputs.values() if array.ndim == 1), None)
    values = next((array for array in outputs.values() if array.ndim > 1), None)
    if values is None:
        raise ModelFileError("the model has no output that holds numbers")
    for i, name in enumerate(names):
        row = values[i].ravel()
        best = int(row.argmax())
        label = str(best if labels is None else labels[i])
        yield [name, label, f"{row[best]:.6g}"]


def _table(rows: Iterator[list[str]]) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["sample", "class", "value"])
    writer.writerows(rows)
    return os.fsencode(table.getvalue())
