"""``make-updatable weights average``: the mean of what many devices have learned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from converter.cli.command import Command
from converter.cli.parameters import PATH, file_option, quiet_option, verbose_option
from converter.cli.printable import printable
from converter.cli.terminal import Progress
from converter.errors import DataError, UsageError, reason
from converter.files.kinds import refuse_special
from converter.files.paths import MODEL_ENDING, Input, Output, check_outputs

LARGEST_HISTORY = 2**26
"""Bytes; an epoch takes two hundred."""


def _numbers(text: str) -> tuple[float, ...]:
    """Return numbers such as ``1,2,1``."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers like 1,2,1") from None


@click.command("average", cls=Command, excludes=[("weights", "samples_from")])
@click.argument("models", nargs=-1, required=True, type=PATH)
@click.option("--weights", type=_numbers, metavar="1,2,1", help="What each model counts, in order.")
@file_option(
    "--samples-from",
    multiple=True,
    help="Count each model by its samples: the .json that train --history wrote, once for each "
    "model in order, or one .json with a list of such, or of numbers.",
)
@file_option("-o", "--out", required=True, help="The .mlmodel to write.")
@quiet_option
@verbose_option
def average(
    models: tuple[Path, ...],
    weights: tuple[float, ...] | None,
    samples_from: tuple[Path, ...],
    out: Path,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write the mean of MODELS (.mlmodel) that descend from one shipped file.

    \b
    make-updatable weights average a.mlmodel b.mlmodel -o Mean.mlmodel
    make-updatable weights average users/*.mlmodel --weights 1,2,1 -o Mean.mlmodel

    Only what learns is averaged. A model with other layers, labels or frozen weights is refused.
    One model after the other is read, so any number takes the memory of a few.
    """  # noqa: D301 (click reads \\b)
    inputs = [Input("MODELS", path) for path in models]
    inputs += [Input("--samples-from", path) for path in samples_from]
    check_outputs(inputs, [Output("-o", out, MODEL_ENDING)])
    from converter.coreml import mlmodel
    from converter.weights.average import average as averaged

    shares = samples(samples_from, len(models)) if samples_from else weights
    with Progress(quiet=quiet, verbose=verbose) as progress:
        job = progress.job()
        with job.step("averaging"):
            mean = averaged(
                models, shares, lambda done: job.begin(f"averaging: {done} of {len(models)}")
            )
    mlmodel.write(mean, out)
    if not quiet:
        click.echo(printable(f"wrote {out}, the mean of {len(models)} models"))


def samples(files: Sequence[Path], models: int) -> tuple[float, ...]:
    """Return how many samples each of so many `models` has learned from, by histories.

    Raises:
        DataError: a file is no history, or does not tell.
        UsageError: they tell of more or fewer models.
    """
    told = [_json(path) for path in files]
    if len(files) == 1 and isinstance(told[0], list):
        told = told[0]
        files = [files[0]] * len(told)
    if len(told) != models:
        raise UsageError(
            f"--samples-from: tells of {len(told)} models, but there are {models}; give the file "
            "of each, in order"
        )
    return tuple(_count(path, found) for path, found in zip(files, told, strict=True))


def _count(path: Path, history: Any) -> float:
    count = history.get("samples") if isinstance(history, dict) else history
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise DataError(
            f"{path}: tells no number of samples; give the .json that train --history wrote"
        )
    return float(count)


def _json(path: Path) -> Any:
    refuse_special(path, DataError)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_HISTORY + 1)
        return json.loads(data[: LARGEST_HISTORY + 1]) if len(data) <= LARGEST_HISTORY else None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({reason(error)})") from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: is not JSON; give the .json that train --history wrote"
        ) from error
