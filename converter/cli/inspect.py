"""``make-updatable inspect``: a look inside a Keras file or a Core ML model."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli import streams
from converter.cli.command import Command
from converter.cli.parameters import (
    a_number,
    json_option,
    per_channel,
    shape,
    verbose_option,
    weights_option,
)
from converter.cli.printable import printable
from converter.cli.terminal import Progress
from converter.errors import UsageError
from converter.recipe import LOSSES

if TYPE_CHECKING:
    from rich.console import Console

    from converter.conversion.inspection import KerasModel
    from converter.coreml.inspection import CoreMLModel, Update

OTHER_FORMATS = (".onnx", ".pt", ".pth", ".tflite", ".pb", ".mlpackage", ".mlmodelc")


@click.command("inspect", cls=Command, excludes=[("as_json", "as_yaml")])
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML.")
@weights_option
@click.option("--output", metavar="NAME", help="Which output, if a Keras model has several.")
@click.option("--signature", metavar="NAME",
              help="Which signature of a SavedModel that is read by its graph.")  # fmt: skip
@click.option("--input-shape", type=shape, metavar="H,W,C",
              help="Shape of the input where it is left open.")  # fmt: skip
@click.option(
    "--loss",
    type=click.Choice(LOSSES),
    help="What the device shall minimise (default: as compiled).",
)
@click.option("--scale", type=a_number(), help="What a Lambda on the input multiplies by.")
@click.option("--bias", type=per_channel, metavar="R,G,B",
              help="What a Lambda on the input adds then.")  # fmt: skip
@click.option("--allow-unsafe", is_flag=True, help="Run Python code stored in a Keras file.")
@verbose_option
def command(file: Path, as_json: bool, as_yaml: bool, verbose: bool, **options: Any) -> None:
    """Show what FILE holds.

    \b
    make-updatable inspect model.keras        # layers, and for each: may it learn, or why not?
    make-updatable inspect Model.mlmodel      # layers, training inputs, how it is updated
    """  # noqa: D301 (click reads \\b)
    if file.suffix in OTHER_FORMATS and file.name != "saved_model.pb":
        raise UsageError(f"{file}: is neither a Keras file (.h5, .keras) nor a .mlmodel")
    is_core_ml = file.suffix == ".mlmodel"
    head = {"file": str(file), "format": "mlmodel" if is_core_ml else "keras"}
    given = {name: value for name, value in options.items() if value}
    if is_core_ml and given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{flags}: has no effect on a .mlmodel, only on a Keras file")
    found = _core_ml(file) if is_core_ml else _keras(file, given, verbose)
    if as_json or as_yaml:
        _print_data(head, found, as_json)
        return
    from converter.cli.tables import plain_console

    show: Any = _show_core_ml if is_core_ml else _show_keras
    show(found, plain_console())


def _core_ml(file: Path) -> CoreMLModel:
    from converter.coreml import mlmodel
    from converter.coreml.inspection import inspect

    return inspect(mlmodel.read(file))


def _keras(file: Path, options: dict[str, Any], verbose: bool) -> KerasModel:
    from converter import keras_file
    from converter.recipe.reading import from_flags

    recipe = from_flags({"model": file, **options})
    keras_file.check_kind(file, recipe.weights)
    with Progress(verbose=verbose) as progress:
        job = progress.job()
        with job.step("start"):
            keras_file.prepare()
            from converter.conversion.inspection import inspect
        return inspect(recipe, job.step)


def _print_data(head: dict[str, str], found: CoreMLModel | KerasModel, as_json: bool) -> None:
    data = {**head, **dataclasses.asdict(found)}
    as_is = streams.holds_all_characters(sys.stdout)
    if as_json:
        import json

        click.echo(json.dumps(data, indent=2, ensure_ascii=not as_is))
        return
    from converter.recipe.writing import dump

    click.echo(dump(_lists(data), as_is), nl=False)


def _lists(value: Any) -> Any:
    """Return `value` with lists for tuples, which YAML does not have."""
    if isinstance(value, dict):
        return {key: _lists(inner) for key, inner in value.items()}
    return [_lists(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _show_keras(model: KerasModel, console: Console) -> None:
    from converter.cli.tables import cell, print_table, table_of
    from converter.coreml.inspection import count_text, shape_text

    table = table_of("layer", "class", "output", "weights", "may learn", "why not")
    for row in model.layers:
        word = {None: "", True: "yes", False: "no"}[row.updatable]
        size = shape_text(row.output), count_text(row.weights)
        cells = (row.name, row.kind, *size, word, row.reason)
        table.add_row(*map(cell, cells), style="bold" if row.updatable else None)
    print_table(table, console)
    _line(console, "inputs", "; ".join(_keras_input(n, model) for n in model.inputs))
    _line(console, "outputs", ", ".join(model.outputs))
    rate = "" if model.learning_rate is None else f", learning rate {model.learning_rate:g}"
    compiled = f"{model.optimizer}{rate}; loss {model.loss}" if model.optimizer else "no"
    _line(console, "compiled", compiled)
    _line(console, "learns", ", ".join(model.chosen) + " (unless --layers says otherwise)"
          if model.chosen else "nothing")  # fmt: skip
    if model.problem:
        _line(console, "cannot be converted", model.problem)
    for note in model.notes:
        _line(console, "note", note)


def _keras_input(name: str, model: KerasModel) -> str:
    """Return an input with its shape in Keras, and in Core ML if that is another one."""
    from converter.coreml.inspection import shape_text

    here, there = model.inputs[name], model.core_ml_inputs.get(name)
    in_core_ml = f" (in Core ML {list(there)})" if there and there != here[1:] else ""
    return f"{name}: {shape_text(here)}{in_core_ml}"


TOTALS = ("weights", "bytes")
"""What is added up over the layers of a model."""


def _show_core_ml(model: CoreMLModel, console: Console) -> None:
    from converter.cli.tables import classes, features, layer_table, neighborhood, print_table

    version = f"specification version {model.specification_version}"
    state = "updatable" if model.updatable else "not updatable"
    console.print(f"{model.kind}, {version}, {state}", markup=False)
    if model.layers:
        print_table(layer_table(model.layers), console)
        count, size = (sum(getattr(each, key) for each in model.layers) for key in TOTALS)
        _line(console, "weights", f"{count:,} in {size:,} bytes")
    _line(console, "inputs", features(model.inputs))
    if model.pixels:
        _line(console, "pixels", f"{model.pixels} reaches the first layer with weights")
    _line(console, "outputs", features(model.outputs))
    if model.labels:
        _line(console, "classes", classes(model.labels))
    if model.training_inputs:
        _line(console, "training inputs", features(model.training_inputs))
    if model.update is not None:
        _show_update(model.update, console)
    if model.neighbors is not None:
        for name, text in neighborhood(model.neighbors):
            _line(console, name, text)
    for key, text in model.metadata.items():
        _line(console, key, text if "\n" not in text else "(make-updatable recipe show FILE)")
    for index, member in enumerate(model.models):
        title = printable(f"model {index} of the pipeline, '{member.name}':")
        console.print(f"\n{title}", markup=False)
        _show_core_ml(member, console)


def _show_update(update: Update, console: Console) -> None:
    from converter.cli.tables import allowed, order

    _line(console, "loss", f"{update.loss} of {update.loss_input} and {update.target}")
    _line(console, "optimizer", update.optimizer)
    for name, number in update.parameters.items():
        _line(console, name, allowed(number))
    _line(console, "shuffle", order(update))


def _line(console: Console, name: str, text: str) -> None:
    console.print(printable(f"{name:<16} {text}"), markup=False)
