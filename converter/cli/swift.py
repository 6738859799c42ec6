"""``make-updatable swift``: the Swift file, or package, with which an app trains a model."""

from __future__ import annotations

from pathlib import Path

import click

from converter.cli.command import Command
from converter.cli.parameters import PATH, force_option, quiet_option
from converter.errors import EXIT_OK
from converter.files.paths import Input, Output, check_outputs
from converter.files.writing import refuse_existing, write_bytes


@click.command(
    "swift", cls=Command, excludes=[("as_package", "force")], needs={"app": ["as_package"]}
)
@click.argument("model", type=PATH)
@click.option(
    "-o",
    "--output-path",
    "--out",
    "target",
    type=PATH,
    metavar="PATH",
    help="Where to write; the Swift type is named after it (default: <Model>Trainer.swift, and "
    "the folder <Model>Trainer for a package).",
)
@force_option
@click.option(
    "--resource",
    metavar="NAME",
    help="Name of the model in the app's bundle (default: that of the file).",
)
@click.option(
    "--package",
    "as_package",
    is_flag=True,
    help="Write a Swift package, with the model and a test, into a new folder.",
)
@click.option("--app", is_flag=True, help="Put an example app into the package (.swiftpm).")
@quiet_option
def command(
    model: Path,
    target: Path | None,
    force: bool,
    resource: str | None,
    as_package: bool,
    app: bool,
    quiet: bool,
) -> int:
    """Write the Swift code that trains MODEL.mlmodel in an app.

    One file, made for this model: samples in its shapes and types, the update task with progress,
    hyperparameters within what the file allows, saving, reloading, weights and accuracy.

    \b
    make-updatable swift LeNet.mlmodel -o ModelTrainer.swift
    make-updatable swift LeNet.mlmodel -o ModelTrainer/ --package --app
    """  # noqa: D301 (click reads \\b)
    from converter.swift.names import type_name

    ending = "" if as_package else ".swift"
    is_default = target is None
    target = target or Path(f"{type_name(model.stem)}Trainer{ending}")
    write = _write_package if as_package else _write_file
    output = Output("" if is_default else "-o", target, (ending,), is_default)
    name = write(model, output, resource or model.stem, force=force, app=app)
    if not quiet:
        click.echo(f"wrote {target} ({name})")
    return EXIT_OK


def _write_file(model: Path, output: Output, resource: str, *, force: bool, app: bool) -> str:
    from converter.coreml import mlmodel
    from converter.swift import generate
    from converter.swift.names import type_name

    check_outputs([Input("MODEL", model)], [output], force=force)
    name = type_name(output.path.stem)
    write_bytes(output.path, generate(mlmodel.read(model), name, resource).encode())
    return name


def _write_package(model: Path, output: Output, resource: str, *, force: bool, app: bool) -> str:
    from converter.coreml import mlmodel
    from converter.swift import package
    from converter.swift.names import type_name

    refuse_existing(output.path)
    check_outputs([Input("MODEL", model)], [output])
    name = type_name(output.path.name)
    message = mlmodel.read(model)
    contents = package.files(message, model.read_bytes(), name, resource, app=app)
    package.write(output.path, contents)
    return name
