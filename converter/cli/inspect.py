"""``make-updatable inspect``: a look inside a Keras file or a Core ML model."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.command import Command
from converter.cli.data_printing import print_data
from converter.cli.parameters import (
    PATH,
    a_number,
    json_option,
    per_channel,
    quiet_option,
    report_option,
    shape,
    verbose_option,
    weights_option,
    yaml_option,
)
from converter.cli.printable import printable
from converter.cli.report import report_outputs, write_report
from converter.cli.terminal import Progress
from converter.errors import UsageError
from converter.files.paths import Input, check_outputs, size_of
from converter.recipe import LOSSES

if TYPE_CHECKING:
    from rich.console import Console

    from converter.conversion.inspection import KerasModel
    from converter.coreml.contents import CoreMLModel, Update
    from converter.page import Section

OTHER_FORMATS = (".onnx", ".pt", ".pth", ".tflite", ".pb", ".mlpackage", ".mlmodelc")


@click.command("inspect", cls=Command, excludes=[("as_json", "as_yaml")])
@click.argument("file", type=PATH)
@json_option
@yaml_option
@click.option(
    "--advise", is_flag=True, help="Tell what each choice of layers would cost; of a Keras file."
)
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
@report_option
@quiet_option
@verbose_option
def command(
    file: Path,
    as_json: bool,
    as_yaml: bool,
    report: Path | None,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Show what FILE holds.

    \b
    make-updatable inspect model.keras        # layers, and for each: may it learn, or why not?
    make-updatable inspect model.keras --advise   # what it costs to let these or those layers learn
    make-updatable inspect Model.mlmodel      # layers, training inputs, how it is updated
    """  # noqa: D301 (click reads \\b)
    if file.suffix in OTHER_FORMATS and file.name != "saved_model.pb":
        raise UsageError(f"{file}: is neither a Keras file (.h5, .keras) nor a .mlmodel")
    is_core_ml = file.suffix == ".mlmodel"
    head: dict[str, Any] = {"file": str(file), "format": "mlmodel" if is_core_ml else "keras"}
    given = {name: value for name, value in options.items() if value}
    if is_core_ml and given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{flags}: has no effect on a .mlmodel, only on a Keras file")
    read = [Input("FILE", file)]
    if "weights" in given:
        read.append(Input("--weights", given["weights"]))
    check_outputs(read, report_outputs(report))
    found = _core_ml(file) if is_core_ml else _keras(file, given, quiet, verbose)
    head["size"] = size_of(file)
    if as_json or as_yaml:
        print_data({**head, **dataclasses.asdict(found)}, as_json)
    else:
        from converter.cli.tables import plain_console
        from converter.coreml.figures import size_text

        show: Any = _show_core_ml if is_core_ml else _show_keras
        console = plain_console()
        _line(console, "file", f"{file}, {size_text(head['size'])} ({head['size']:,} bytes)")
        show(found, console)
    if report is not None:
        is_quiet = quiet or as_json or as_yaml
        write_report(report, f"{file.name}: inspected", _sections(file, found), quiet=is_quiet)


def _core_ml(file: Path) -> CoreMLModel:
    from converter.coreml import mlmodel
    from converter.coreml.inspection import inspect

    return inspect(mlmodel.read(file))


def _sections(file: Path, found: CoreMLModel | KerasModel) -> list[Section]:
    """Return what the page shows of `file`, in which this was found."""
    from converter.coreml import mlmodel
    from converter.coreml.contents import CoreMLModel
    from converter.page.model import core_ml_sections, keras_sections

    if isinstance(found, CoreMLModel):
        return core_ml_sections(mlmodel.read(file), file.stat().st_size)
    return keras_sections(found)


def _keras(file: Path, options: dict[str, Any], quiet: bool, verbose: bool) -> KerasModel:
    from converter import keras_file
    from converter.recipe.reading import from_flags

    advise = options.pop("advise", False)
    recipe = from_flags({"model": file, **options})
    keras_file.check_kind(file, recipe.weights)
    with Progress(quiet=quiet, verbose=verbose) as progress:
        job = progress.job()
        with job.step("start"):
            keras_file.prepare()
            from converter.conversion.inspection import inspect
        return inspect(recipe, job.step, advise=advise)


def _show_keras(model: KerasModel, console: Console) -> None:
    from converter.cli.tables import cell, print_table, table_of
    from converter.coreml.figures import count_text, shape_text

    table = table_of("layer", "class", "output", "weights", "may learn", "why not")
    for row in model.layers:
        word = {None: "", True: "yes", False: "no"}[row.updatable]
        size = shape_text(row.output), count_text(row.weights)
        cells = (row.name, row.kind, *size, word, row.reason)
        table.add_row(*map(cell, cells), style="bold" if row.updatable else None)
    print_table(table, console)
    _line(console, "inputs", "; ".join(_keras_input(n, model) for n in model.inputs))
    _line(console, "outputs", ", ".join(model.outputs))
    if model.scaling:
        _line(console, "pixels", f"the model itself computes {model.scaling} first")
    _line(console, "parameters", str(model.parameters))
    rate = "" if model.learning_rate is None else f", learning rate {model.learning_rate:g}"
    compiled = f"{model.optimizer}{rate}; loss {model.loss}" if model.optimizer else "no"
    _line(console, "compiled", compiled)
    _line(console, "learns", ", ".join(model.chosen) + " (unless --layers says otherwise)"
          if model.chosen else "nothing")  # fmt: skip
    if model.problem:
        _line(console, "cannot be converted", model.problem)
    for note in model.notes:
        _line(console, "note", note)
    if model.advice is not None:
        from converter.cli.advice_table import print_advice

        print_advice(model.advice, console)


def _keras_input(name: str, model: KerasModel) -> str:
    """Return an input with its shape in Keras, and in Core ML if that is another one."""
    from converter.coreml.figures import shape_text

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
    if model.parameters.total:
        _line(console, "parameters", str(model.parameters))
    _line(console, "inputs", features(model.inputs))
    for image in model.images:
        _line(console, "image", str(image))
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
