"""``make-updatable extract``: what a model has learned, in Keras again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from converter.cli.command import Command
from converter.cli.parameters import (
    PATH,
    file_option,
    json_option,
    quiet_option,
    verbose_option,
    weights_option,
)
from converter.cli.printable import printable
from converter.cli.terminal import Progress
from converter.cli.verdict import tell
from converter.files.paths import Input, Output, check_outputs

ENDINGS = (".keras", ".h5", ".hdf5")


@click.command("extract", cls=Command)
@click.argument("model", type=PATH)
@click.option(
    "--into",
    type=PATH,
    required=True,
    metavar="KERAS",
    help="The Keras file that MODEL was converted from.",
)
@file_option("-o", "--out", required=True, help="The .keras or .h5 to write.")
@weights_option
@click.option("--allow-unsafe", is_flag=True, help="Run Python code stored in the Keras file.")
@json_option
@quiet_option
@verbose_option
def command(
    model: Path,
    into: Path,
    out: Path,
    weights: Path | None,
    allow_unsafe: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Put what MODEL (.mlmodel) has learned into its Keras model again.

    \b
    make-updatable extract Personal.mlmodel --into model.h5 -o personal.keras

    All else stays as it is. Both models are compared: if they do not predict the same, nothing is
    written.
    """  # noqa: D301 (click reads \\b)
    inputs = [Input("MODEL", model), Input("--into", into)]
    if weights is not None:
        inputs.append(Input("--weights", weights))
    check_outputs(inputs, [Output("-o", out, ENDINGS)])
    from converter import keras_file
    from converter.coreml import mlmodel

    message = mlmodel.read(model)
    keras_file.check_kind(into, weights)
    with Progress(quiet=quiet, verbose=verbose) as progress:
        job = progress.job()
        with job.step("start"):
            keras_file.prepare()
            from converter.weights.extraction import extract
        with job.step("putting the weights into Keras"):
            found = extract(message, into, out, weights, allow_unsafe=allow_unsafe)
    if as_json:
        tell({"file": str(out), **asdict(found)}, as_json, None)
    if quiet or as_json:
        return
    for note in found.notes:
        click.echo(printable(f"note: {note}"), err=True)
    click.echo(printable(f"put in  {', '.join(found.variables)}"))
    click.echo(f"parity  {found.parity:.1e} of the range of Keras's output")
    click.echo(printable(f"wrote {out}"))
