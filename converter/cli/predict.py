"""``make-updatable predict``: what a model answers."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
import numpy as np
import numpy.typing as npt

from converter.cli.command import Command
from converter.cli.data_options import (
    batch_notes,
    batch_size_option,
    data_input,
    data_options,
    tell_notes,
)
from converter.cli.parameters import PATH, json_option, quiet_option, verbose_option
from converter.cli.printable import printable
from converter.cli.terminal import Progress
from converter.cli.verdict import tell
from converter.errors import ModelFileError
from converter.files.paths import Input, Output, check_outputs
from converter.files.writing import replacing, write_bytes

if TYPE_CHECKING:
    from converter.coreml.mlmodel import Message

Array: TypeAlias = npt.NDArray[Any]

SHOWN = 20
"""Answers that are printed when nothing is written."""

MOST_VALUES = 12
"""Values of one answer that are printed."""


@click.command("predict", cls=Command)
@click.argument("model", type=PATH)
@data_options
@batch_size_option
@click.option(
    "-o",
    "--out",
    type=PATH,
    help="Write all outputs to an .npz file, or to a .csv file the best class of each sample; its "
    "values where the model does not answer with classes.",
)
@json_option
@quiet_option
@verbose_option
def command(
    model: Path,
    data: str,
    layout: Any,
    scale: float,
    batch_size: int,
    out: Path | None,
    as_json: bool,
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
            tell_notes([*found.notes, *batch_notes(message, batch_size)], quiet)
        with job.step("computing"):
            outputs = runtime.predict_samples(message, found.samples, batch_size)
    shown, is_class = _shown(message, outputs)
    if as_json:
        rows = zip(found.names, _answers(found.names, shown, is_class, outputs), strict=True)
        told = [_facts(name, row[1:], is_class) for name, row in rows]
        tell({"samples": len(told), "answers": told}, as_json, None)
    if out is None:
        if as_json:
            return
        for row in _answers(found.names[:SHOWN], shown, is_class, outputs):
            click.echo(printable("  ".join(_shortened(row))))
        if len(found.names) > SHOWN:
            click.echo(f"… and {len(found.names) - SHOWN} more; write them all with -o")
        return
    if out.suffix == ".npz":
        with replacing(out) as temporary, temporary.open("wb") as file:
            arrays: dict[str, Any] = dict(outputs)
            np.savez(file, **arrays)
    else:
        columns = ["class", "value"] if is_class else _columns(shown)
        write_bytes(out, _table(columns, _answers(found.names, shown, is_class, outputs)))
    if not (quiet or as_json):
        click.echo(f"wrote {out}")


def _shown(model: Message, outputs: Mapping[str, Array]) -> tuple[Array, bool]:
    """Return the first output that holds numbers, ``[N, values]``, and if they are of classes."""
    from converter.runtime import is_distribution

    for name, array in outputs.items():
        if array.ndim > 1:
            is_class = array.ndim == 2 and is_distribution(model, name)
            return array.reshape(len(array), -1), is_class
    raise ModelFileError("the model has no output that holds numbers")


def _answers(
    names: Sequence[str], shown: Array, is_class: bool, outputs: Mapping[str, Array]
) -> Iterator[list[str]]:
    """Yield for each sample its name and its answer.

    Of classes it is the best one (label or index) and its value, else all values.
    """
    labels = next((array for array in outputs.values() if array.ndim == 1), None)
    for i, name in enumerate(names):
        row = shown[i]
        best = int(row.argmax())
        label = str(best if labels is None else labels[i])
        values = [label, f"{row[best]:.6g}"] if is_class else [f"{value:.6g}" for value in row]
        yield [name, *values]


def _facts(name: str, values: Sequence[str], is_class: bool) -> Mapping[str, Any]:
    """Return an answer for programs: the best class and its value, or all values."""
    if is_class:
        return {"sample": name, "class": values[0], "value": float(values[1])}
    return {"sample": name, "values": list(map(float, values))}


def _shortened(row: list[str]) -> list[str]:
    """Return what fits into a line of a terminal."""
    more = len(row) - 1 - MOST_VALUES
    return row if more <= 0 else [*row[:-more], f"… and {more} more values"]


def _columns(shown: Array) -> list[str]:
    count = shown.shape[1]
    return ["value"] if count == 1 else [f"value_{i}" for i in range(count)]


def _table(columns: Sequence[str], rows: Iterator[list[str]]) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["sample", *columns])
    writer.writerows(rows)
    return os.fsencode(table.getvalue())
