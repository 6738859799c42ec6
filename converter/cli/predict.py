"""``make-updatable predict``: what a model answers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from converter.cli.data_options import data_options
from converter.cli.parameters import LARGEST_COUNT, Whole
from converter.errors import ModelFileError, UsageError
from converter.files import replacing, write_bytes

SHOWN = 20
"""Answers that are printed when nothing is written."""


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@data_options
@click.option("--batch-size", type=Whole(1, LARGEST_COUNT), default=32, show_default=True,
              help="Samples computed at once.")  # fmt: skip
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Write all outputs to an .npz file, or the best class of each sample to a .csv file.",
)
def command(
    model: Path, data: str, layout: Any, scale: float, batch_size: int, out: Path | None
) -> None:
    """Print what MODEL (.mlmodel) answers for each sample; --data may be one image too.

    \b
    make-updatable predict CatDog.mlmodel --data photo.jpg
    make-updatable predict LeNet.mlmodel --data digits.npz -o answers.npz
    """  # noqa: D301 (click reads \\b)
    from converter import data as places
    from converter import runtime
    from converter.coreml import mlmodel

    if out is not None and out.suffix not in (".npz", ".csv"):
        raise UsageError(f"--out {out}: the name must end in .npz or .csv")
    message = mlmodel.read(model)
    found = places.read_inputs(data, message, places.Reading(layout, scale))
    outputs = runtime.predict_samples(message, found.samples, batch_size)
    if out is None:
        for row in _answers(found.names[:SHOWN], outputs):
            click.echo("  ".join(row))
        if len(found.names) > SHOWN:
            click.echo(f"… and {len(found.names) - SHOWN} more; write them all with -o")
        return
    if out.suffix == ".npz":
        with replacing(out) as temporary, temporary.open("wb") as file:
            arrays: dict[str, Any] = dict(outputs)
            np.savez(file, **arrays)
    else:
        write_bytes(out, _table(_answers(found.names, outputs)))
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
    return table.getvalue().encode()
