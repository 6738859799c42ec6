"""``make-updatable evaluate``: how well a model answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from converter.cli.data_options import data_options
from converter.cli.parameters import LARGEST_COUNT, Whole


@click.command("evaluate")
@click.argument("model", type=click.Path(path_type=Path))
@data_options
@click.option("--batch-size", type=Whole(1, LARGEST_COUNT), default=128, show_default=True,
              help="Samples computed at once.")  # fmt: skip
def command(model: Path, data: str, layout: Any, scale: float, batch_size: int) -> None:
    """Tell the loss and the accuracy of MODEL (.mlmodel) on labelled data.

    \b
    make-updatable evaluate LeNet.mlmodel --data mnist --scale 1/255

    Of data with a part for testing, that part is used.
    """  # noqa: D301 (click reads \\b)
    from converter import data as places
    from converter import runtime
    from converter.coreml import mlmodel

    message = mlmodel.read(model)
    found = places.read(data, message, places.Reading(layout, scale))
    part = found.test or found.train
    score = runtime.evaluate(message, part, batch_size)
    click.echo(f"samples   {len(part.samples)}")
    click.echo(f"loss      {score.loss:.6f}")
    if score.accuracy is not None:
        click.echo(f"accuracy  {score.accuracy:.6f}")
