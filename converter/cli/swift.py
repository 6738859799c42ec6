"""``make-updatable swift``: the Swift file with which an app trains a model."""

from __future__ import annotations

from pathlib import Path

import click

from converter.errors import EXIT_OK, OutputError


@click.command("swift")
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
@click.option(
    "--resource",
    metavar="NAME",
    help="Name of the model in the app's bundle (default: that of the file).",
)
def command(model: Path, target: Path | None, resource: str | None) -> int:
    """Write the Swift code that trains MODEL.mlmodel in an app.

    One file, made for this model: samples in its shapes and types, the update task with progress,
    hyperparameters within what the file allows, saving, reloading, weights and accuracy.

    \b
    make-updatable swift LeNet.mlmodel -o ModelTrainer.swift
    """  # noqa: D301 (click reads \\b)
    from converter.coreml import mlmodel
    from converter.files import write_bytes
    from converter.swift import generate
    from converter.swift.names import type_name

    message = mlmodel.read(model)
    target = target or Path(f"{type_name(model.stem)}Trainer.swift")
    if target.suffix != ".swift":
        raise OutputError(f"{target}: the name of a Swift file ends in .swift")
    name = type_name(target.stem)
    write_bytes(target, generate(message, name, resource or model.stem).encode())
    click.echo(f"wrote {target} ({name})")
    return EXIT_OK
