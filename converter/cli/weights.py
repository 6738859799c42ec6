"""``make-updatable weights``: what a model has learned, out of it and in, compared and averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.command import Command
from converter.cli.groups import Group
from converter.cli.parameters import PATH, file_option, json_option, quiet_option
from converter.cli.printable import printable
from converter.cli.weights_average import average
from converter.files.paths import MODEL_ENDING, Input, Output, check_outputs

if TYPE_CHECKING:
    from converter.coreml.mlmodel import Floats
    from converter.weights.tensors import Tensor

ARCHIVE = ".npz"
out_option = file_option("-o", "--out", required=True, help="Where to write the result.")
frozen_option = click.option(
    "--frozen", is_flag=True, help="Also those of convolutions and dense layers that do not learn."
)


@click.group("weights", cls=Group)
def command() -> None:
    """List, read, write, compare and average the weights that a model learns.

    They have the names, shapes and order of Keras: dense_5/kernel, dense_5/bias.
    """


command.add_command(average)


@command.command("list", cls=Command)
@click.argument("model", type=PATH)
@frozen_option
@json_option
def list_(model: Path, frozen: bool, as_json: bool) -> None:
    """List the weights of MODEL (.mlmodel) that learn, with their shapes in Keras."""
    from converter.cli.verdict import tell
    from converter.coreml import mlmodel
    from converter.weights.tensors import tensors

    found = tensors(mlmodel.read(model), frozen=frozen)
    if as_json:
        tell({"weights": [_facts(tensor) for tensor in found]}, as_json, None)
        return
    from converter.cli.tables import cell, plain_console, print_table, table_of
    from converter.coreml.figures import shape_text

    table = table_of("weights", "shape in Keras", "numbers", "")
    for tensor in found:
        count, state = f"{tensor.size:,}", "learn" if tensor.learns else "frozen"
        table.add_row(cell(tensor.name), shape_text(tensor.order.shape), count, state)
    print_table(table, plain_console())


def _facts(tensor: Tensor) -> Mapping[str, object]:
    return {"name": tensor.name, "shape": tensor.order.shape, "learns": tensor.learns}


@command.command("get", cls=Command)
@click.argument("model", type=PATH)
@out_option
@frozen_option
@quiet_option
def get(model: Path, out: Path, frozen: bool, quiet: bool) -> None:
    """Write the weights of MODEL (.mlmodel) that learn to an .npz archive, by their names."""
    from converter.coreml import mlmodel
    from converter.weights import archive, tensors

    check_outputs([Input("MODEL", model)], [Output("-o", out, (ARCHIVE,))])
    archive.write(out, tensors.weights(mlmodel.read(model), frozen=frozen))
    _say_written(out, quiet)


@command.command("set", cls=Command)
@click.argument("model", type=PATH)
@click.argument("weights", type=PATH)
@out_option
@quiet_option
def set_(model: Path, weights: Path, out: Path, quiet: bool) -> None:
    """Write MODEL (.mlmodel) with the WEIGHTS of an .npz archive, as get writes them.

    All weights that learn must be there; frozen ones may, if they are equal.
    """
    from converter.coreml import mlmodel
    from converter.errors import DataError
    from converter.weights import archive, tensors

    inputs = [Input("MODEL", model), Input("WEIGHTS", weights)]
    check_outputs(inputs, [Output("-o", out, MODEL_ENDING)])
    message = mlmodel.read(model)
    shapes = {t.name: t.order.shape for t in tensors.tensors(message, frozen=True)}
    given = archive.read(weights, shapes)
    try:
        tensors.put(message, given)
    except DataError as error:
        raise DataError(f"{weights}: {error}") from error
    mlmodel.write(message, out)
    _say_written(out, quiet)


@command.command("diff", cls=Command)
@click.argument("first", type=PATH)
@click.argument("second", type=PATH)
@json_option
@quiet_option
def diff(first: Path, second: Path, as_json: bool, quiet: bool) -> None:
    """Tell how far the weights of two models moved apart; each is a .mlmodel, or one an .npz.

    For each: the largest difference of a number, and the length of the difference, also as a share
    of the length of those of FIRST.
    """
    from converter.cli.verdict import tell
    from converter.weights.difference import movements

    found = list(movements(*_both(first, second), (str(first), str(second))))
    if not quiet and (note := _strangers(first, second)):
        click.echo(printable(f"note: {note}"), err=True)
    if as_json:
        facts = [asdict(movement) for movement in found]
        tell({"first": str(first), "second": str(second), "weights": facts}, as_json, None)
        return
    from converter.cli.tables import cell, plain_console, print_table, table_of
    from converter.coreml.figures import shape_text

    table = table_of("weights", "shape in Keras", "largest difference", "distance", "relative")
    for moved in found:
        numbers = (moved.largest, moved.distance, moved.relative)
        shape = shape_text(moved.shape)
        table.add_row(cell(moved.name), shape, *(f"{number:.3g}" for number in numbers))
    print_table(table, plain_console())


def _both(first: Path, second: Path) -> tuple[Mapping[str, Floats], Mapping[str, Floats]]:
    """Return the weights of both; an archive is read as those of the other one, a model."""
    from converter.coreml import mlmodel
    from converter.errors import UsageError
    from converter.weights import archive, tensors

    paths = (first, second)
    models = {path: mlmodel.read(path) for path in paths if path.suffix != ARCHIVE}
    if not models:
        raise UsageError(
            "weights diff: two archives do not say what they are of; give one .mlmodel"
        )
    known = tensors.tensors(next(iter(models.values())), frozen=True)
    shapes = {tensor.name: tensor.order.shape for tensor in known}

    def read(path: Path) -> Mapping[str, Floats]:
        if path in models:
            return tensors.weights(models[path])
        given = archive.read(path, shapes)
        learning = [tensor.name for tensor in known if tensor.learns]
        return {n: tensors.checked(n, given[n], shapes[n]) for n in learning if n in given}

    return read(first), read(second)


def _strangers(first: Path, second: Path) -> str:
    """Return that two models do not descend from the same file, and why; "" where they do."""
    if ARCHIVE in (first.suffix, second.suffix):
        return ""
    from converter.coreml import mlmodel
    from converter.weights.descent import difference, without_learned

    both = (without_learned(mlmodel.read(path)) for path in (first, second))
    what = difference(*both)
    return f"the models do not descend from the same file: {what}" if what else ""


@command.command("adopt", cls=Command)
@click.argument("personal", type=PATH)
@click.option(
    "--into",
    type=PATH,
    required=True,
    metavar="SHIPPED",
    help="The .mlmodel that the app was built with.",
)
@out_option
@quiet_option
def adopt(personal: Path, into: Path, out: Path, quiet: bool) -> None:
    """Put what a device has learned into a .mlmodel again.

    PERSONAL is the .mlmodelc folder that the device saved, or the file that exportWeights(to:) or
    exportModel(to:) of the generated Swift trainer has written. It must descend from SHIPPED: all
    that is frozen must be equal. Nothing of it is run.
    """
    from converter.coreml import mlmodel
    from converter.weights.adopting import adopt as adopted

    inputs = [Input("PERSONAL", personal), Input("--into", into)]
    check_outputs(inputs, [Output("-o", out, MODEL_ENDING)])
    mlmodel.write(adopted(mlmodel.read(into), personal), out)
    _say_written(out, quiet)


def _say_written(out: Path, quiet: bool) -> None:
    if not quiet:
        click.echo(printable(f"wrote {out}"))
