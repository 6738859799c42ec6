"""``make-updatable verify``: the model does what its Keras model does, and learns in Core ML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.command import Command
from converter.cli.data_options import data_input, place_option
from converter.cli.device_check import arrays_beside, run_device_check
from converter.cli.parameters import (
    LARGEST_COUNT,
    PATH,
    Whole,
    a_number,
    file_option,
    json_option,
    per_channel,
    positive,
    quiet_option,
    report_option,
    shape,
    verbose_option,
)
from converter.cli.report import report_outputs, write_report
from converter.cli.terminal import Progress
from converter.cli.verdict import tell
from converter.errors import EXIT_ERROR, EXIT_OK, ParityError, UsageError
from converter.files.paths import Input, Output, check_outputs

if TYPE_CHECKING:
    from converter.conversion.new_classes import Renewed
    from converter.coreml.mlmodel import Message
    from converter.page import Section
    from converter.proof.update import Verification

AGAINST = (
    "steps", "samples", "tolerance", "seed", "signature", "input_shape", "scale", "bias",
    "allow_unsafe", "weights", "verbose",
)  # fmt: skip
ON_DEVICE = ("data", "timeout", "require_update")
"""Options that are for one of the two ways of verifying alone."""


@click.command(
    "verify",
    cls=Command,
    excludes=(("calibrate", "data"), ("calibrate", "report")),
    needs=dict.fromkeys(AGAINST, ("against",))
    | dict.fromkeys((*ON_DEVICE, "calibrate"), ("on_device",)),
)
@click.argument("model", type=PATH, required=False)
@click.option(
    "--against",
    type=PATH,
    metavar="KERAS",
    help="The Keras file that MODEL was converted from.",
)
@file_option(
    "--weights",
    help="With --against: the weights of KERAS, if they are in a file of their own.",
)
@click.option("--steps", type=Whole(1, LARGEST_COUNT), default=2, show_default=True,
              help="With --against: update steps to take in both.")  # fmt: skip
@click.option("--samples", type=Whole(1, LARGEST_COUNT),
              help="With --against: samples in each step (default: 16, or 4 of large images).",
              )  # fmt: skip
@click.option("--tolerance", type=a_number(positive), default=1e-4,
              show_default=True, help="With --against: largest difference that passes.",
              )  # fmt: skip
@click.option("--seed", type=Whole(0, LARGEST_COUNT), default=0, show_default=True,
              help="With --against: seed of the random samples.")  # fmt: skip
@click.option("--signature", metavar="NAME",
              help="With --against: which signature of a SavedModel that is read by its graph "
              "(default: as converted).")  # fmt: skip
@click.option("--input-shape", type=shape, metavar="H,W,C",
              help="With --against: shape of the input where the Keras model leaves it open "
              "(default: as converted).")  # fmt: skip
@click.option("--scale", type=a_number(),
              help="With --against: what a Lambda on Keras's input multiplies by "
              "(default: as converted).")  # fmt: skip
@click.option("--bias", type=per_channel, metavar="R,G,B",
              help="With --against: what a Lambda on Keras's input adds then "
              "(default: as converted).")  # fmt: skip
@click.option("--allow-unsafe", is_flag=True,
              help="With --against: run Python code stored in the Keras file (Lambda layers).",
              )  # fmt: skip
@click.option("--on-device", is_flag=True, help="Run one update in Core ML; on a Mac only.")
@place_option(
    "--data",
    help="With --on-device: what to learn from, as for train (default: random samples).",
)
@click.option("--timeout", type=a_number(positive), metavar="SECONDS",
              help="With --on-device: how long it may take.")  # fmt: skip
@click.option("--require-update", is_flag=True,
              help="With --on-device: fail where Core ML cannot be run.")  # fmt: skip
@click.option("--calibrate", is_flag=True,
              help="With --on-device, without MODEL: record how Core ML counts, by nine small "
              "trainings of built-in models.")  # fmt: skip
@file_option(
    "-o",
    "--out",
    help="Write the verdict to a .json file, with --on-device arrays beside it.",
)
@report_option
@json_option
@quiet_option
@verbose_option
def command(
    model: Path | None, against: Path | None, on_device: bool, calibrate: bool, **options: Any
) -> int:
    """Check that MODEL (.mlmodel) does what the Keras model does, or learns in Core ML itself.

    \b
    make-updatable verify LeNet.mlmodel --against LeNet.h5
    make-updatable verify LeNet.mlmodel --on-device
    make-updatable verify --on-device --calibrate -o record.json

    With --against it compares first what both predict, then in every step the gradients of all
    updatable tensors, and what Keras's optimizer and that of the reference runtime make of the same
    gradients. No input is changed. Exits with 0 on PASS and 1 on FAIL.
    """  # noqa: D301 (click reads \\b)
    if (against is None) != on_device:
        raise UsageError("verify: say --against KERAS, or --on-device (one of them)")
    if calibrate:
        return _calibrate(model, options)
    if model is None:
        raise click.MissingParameter(param_hint="'MODEL'", param_type="argument")
    _check_output(model, against, options)
    if against is None:
        names = (*ON_DEVICE, "out", "report", "as_json", "quiet")
        return run_device_check(model, **{name: options[name] for name in names})
    return _compare(model, against, options)


def _calibrate(model: Path | None, options: dict[str, Any]) -> int:
    from converter.cli.device_calibration import run_calibration

    out, as_json = options["out"], options["as_json"]
    if model is not None:
        raise UsageError(
            f"verify: --calibrate has models of its own, leave MODEL ({model}) out; "
            "the record is written to the file after -o"
        )
    if out is None and not as_json:
        raise UsageError("verify: --calibrate makes a record; say -o FILE.json where to write it")
    check_outputs([], [Output("-o", out, (".json",))] if out is not None else [])
    names = ("timeout", "require_update", "out", "as_json", "quiet")
    return run_calibration(**{name: options[name] for name in names})


def _check_output(model: Path, against: Path | None, options: dict[str, Any]) -> None:
    inputs = [Input("MODEL", model)]
    if against is not None:
        inputs.append(Input("--against", against))
    if options["weights"] is not None:
        inputs.append(Input("--weights", options["weights"]))
    if options["data"] is not None:
        inputs.append(data_input("--data", options["data"]))
    outputs = report_outputs(options["report"])
    if options["out"] is not None:
        outputs.append(Output("-o", options["out"], (".json",)))
        if against is None:
            outputs.append(Output("-o", arrays_beside(options["out"]), (".npz",)))
    check_outputs(inputs, outputs)


def _compare(model: Path, against: Path, options: dict[str, Any]) -> int:
    from converter import keras_file
    from converter.coreml import mlmodel

    message = mlmodel.read(model)
    keras_file.check_kind(against, options["weights"])
    keras_file.prepare()
    with Progress(quiet=options["quiet"], verbose=options["verbose"]) as progress:
        job = progress.job()
        with job.step("start"):
            from converter.proof.update import verify
            from converter.runtime.joining import joined
        joined(message)  # before samples of its size are made
        with job.step("load"):
            twin = _twin(message, against, options)
        with job.step("verify_update"):
            steps = (options[name] for name in ("steps", "samples", "seed"))
            try:
                result = verify(message, twin.model, *steps)
            except ParityError as error:  # what is wrong is what one wants to look at
                if options["report"] is not None:
                    from converter.page.verified import failure

                    _write_page(model, message, failure(str(error)), twin.notes, options)
                raise
    passed = result.passed(options["tolerance"])
    facts = {
        "model": str(model),
        "against": str(against),
        "outcome": "passed" if passed else "failed",
        "tolerance": options["tolerance"],
        "update": result.update,
        "notes": twin.notes,
        **asdict(result),
    }
    tell(facts, options["as_json"], options["out"])
    if not (options["quiet"] or options["as_json"]):
        print_verification(result, options["tolerance"], twin.notes)
    if options["report"] is not None:
        from converter.page.verified import verification

        found = verification(result, options["tolerance"])
        _write_page(model, message, found, twin.notes, options)
    return EXIT_OK if passed else EXIT_ERROR


def _write_page(
    model: Path, message: Message, found: Section, more: Sequence[str], options: dict[str, Any]
) -> None:
    """Write the page on a comparison."""
    from converter.page.model import core_ml_sections
    from converter.page.notes import notes

    sections = [found, *core_ml_sections(message, model.stat().st_size), *notes(more)]
    is_quiet = options["quiet"] or options["as_json"]
    write_report(options["report"], f"{model.name}: verified", sections, quiet=is_quiet)


def _twin(message: Message, against: Path, options: dict[str, Any]) -> Renewed:
    """Return the Keras model with the scaling, shape and classes that `message` was made by."""
    from converter.conversion.new_classes import original

    flags = ("scale", "bias", "input_shape", "signature")
    given = {name: options[name] for name in flags if options[name] is not None}
    apart = {name: options[name] for name in ("weights", "allow_unsafe")}
    return original(message, against, **apart, **given)


def print_verification(result: Verification, tolerance: float, notes: Sequence[str] = ()) -> None:
    """Print what was compared, `notes` on the Keras model, and PASS or FAIL."""
    from converter.cli.tables import cell, plain_console, print_table, table_of
    from converter.proof.update import folded_text

    console = plain_console()
    table = table_of("tensor", "moved by", "gradient differs", "step differs")
    for tensor in result.tensors:
        numbers = (tensor.movement, tensor.gradient, tensor.step)
        table.add_row(cell(tensor.name), *(f"{number:.1e}" for number in numbers))
    folded = f", {folded_text(result.folded)}" if result.folded else ""
    verdict = "PASS" if result.passed(tolerance) else "FAIL"
    given = ""
    if result.compressed is not None:
        given = (
            f"given the same features; {result.compressed:.1e} by the frozen part in fewer bits; "
        )
    for part in (
        f"predictions: differ by {result.predictions:.1e} of their range ({given}{result.ending})",
        *(f"note: in Keras, too, {note}" for note in notes),
        *([f"note: {result.remark}"] if result.remark else []),
        f"updates: {result.steps} step(s) of {result.samples} samples{folded}",
    ):
        console.print(part, markup=False)
    print_table(table, console)
    console.print(
        f"{verdict}: the updates differ by {result.update:.1e} (allowed {tolerance:.0e})",
        markup=False,
    )
