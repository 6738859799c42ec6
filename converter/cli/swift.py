"""``make-updatable swift``: the Swift file with which an app trains a model."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli.command import Command
from converter.cli.parameters import force_option, quiet_option
from converter.errors import EXIT_OK
from converter.files import write_bytes
from converter.paths import Input, Output, check_outputs


@click.command("swift", cls=Command)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output-path",
    "--out",
    "target",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where to write; the Swift type is named after it (default: <Model>Trainer.swift).",
)
@force_option
@click.option(
    "--resource",
    metavar="NAME",
    help="Name of the model in the app's bundle (default: that of the file).",
)
@quiet_option
def command(
    model: Path, target: Path | None, force: bool, resource: str | None, quiet: bool
) -> int:
    """Write the Swift code that trains MODEL.mlmodel in an app.

    One file, made for this model: samples in its shapes and types, the update task with progress,
    hyperparameters within what the file allows, saving, reloading, weights and accuracy.

    \b
    make-updatable swift LeNet.mlmodel -o ModelTrainer.swift
    """  # noqa: D301 (click reads \\b)
    from converter.coreml import mlmodel
    from converter.swift import generate
    from converter.swift.names import type_name

    is_default = target is None
    target = target or Path(f"{type_name(model.stem)}Trainer.swift")
    output = Output("" if is_default else "-o", target, (".swift",), is_default)
    check_outputs([Input("MODEL", model)], [output], force=force)
    message = mlmodel.read(model)
    name = type_name(target.stem)
    write_bytes(target, generate(message, name, resource or model.stem).encode())
    if not quiet:
        click.echo(f"wrote {target} ({name})")
    return EXIT_OK
