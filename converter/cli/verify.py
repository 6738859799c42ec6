"""``make-updatable verify``: the model does what its Keras model does, and learns in Core ML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.parameters import LARGEST_COUNT, Finite, Whole, shape
from converter.errors import EXIT_ERROR, EXIT_OK, UsageError

if TYPE_CHECKING:
    from converter.proof.update import Verification


@click.command("verify")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="KERAS",
    help="The Keras file that MODEL was converted from.",
)
@click.option("--steps", type=Whole(1, LARGEST_COUNT), default=1, show_default=True,
              help="With --against: update steps to take in both.")  # fmt: skip
@click.option("--samples", type=Whole(1, LARGEST_COUNT),
              help="With --against: samples in each step (default: 16, or 4 of large images).",
              )  # fmt: skip
@click.option("--tolerance", type=Finite(0, min_open=True), default=1e-4,
              show_default=True, help="With --against: largest difference that passes.",
              )  # fmt: skip
@click.option("--seed", type=Whole(0, LARGEST_COUNT), default=0, show_default=True,
              help="With --against: seed of the random samples.")  # fmt: skip
@click.option("--input-shape", type=shape, metavar="H,W,C",
              help="With --against: shape of the input where the Keras model leaves it open.",
              )  # fmt: skip
@click.option("--allow-unsafe", is_flag=True,
              help="With --against: run Python code stored in the Keras file (Lambda layers).",
              )  # fmt: skip
@click.option("--on-device", is_flag=True, help="Run one update in Core ML; on a Mac only.")
@click.option("--data", metavar="PLACE",
              help="With --on-device: what to learn from, as for train (default: random samples).",
              )  # fmt: skip
@click.option("--timeout", type=Finite(0, min_open=True), metavar="SECONDS",
              help="With --on-device: how long it may take.")  # fmt: skip
@click.option("--require-update", is_flag=True,
              help="With --on-device: fail where Core ML cannot be run.")  # fmt: skip
@click.option("--json", "record", type=click.Path(path_type=Path), metavar="FILE",
              help="With --on-device: write the verdict to a file.")  # fmt: skip
def command(model: Path, against: Path | None, on_device: bool, **options: Any) -> int:
    """Check that MODEL (.mlmodel) does what the Keras model does, or learns in Core ML itself.

    \b
    make-updatable verify LeNet.mlmodel --against LeNet.h5
    make-updatable verify LeNet.mlmodel --on-device

    With --against it compares first what both predict, then how every updatable tensor moves in
    the same steps: in MODEL by the reference runtime, in Keras by train_on_batch with just these
    layers trainable. No file is changed. Exits with 0 on PASS and 1 on FAIL.
    """  # noqa: D301 (click reads \\b)
    if (against is None) != on_device:
        raise UsageError("verify: say --against KERAS, or --on-device (one of them)")
    if against is None:
        from converter.cli.device_check import run_device_check

        names = ("data", "timeout", "require_update", "record")
        return run_device_check(model, **{name: options[name] for name in names})
    return _compare(model, against, options)


def _compare(model: Path, against: Path, options: dict[str, Any]) -> int:
    from converter import keras_file
    from converter.coreml import mlmodel

    message = mlmodel.read(model)
    keras_file.prepare()
    from converter.load import load
    from converter.runtime.network import checked_network

    checked_network(message)  # before samples of its size are made
    from converter.proof.update import verify

    loaded = load(against, allow_unsafe=options["allow_unsafe"], input_shape=options["input_shape"])
    chosen = (options[name] for name in ("steps", "samples", "seed"))
    result = verify(message, loaded.model, *chosen)
    print_verification(result, options["tolerance"])
    return EXIT_OK if result.passed(options["tolerance"]) else EXIT_ERROR


def print_verification(result: Verification, tolerance: float) -> None:
    """Print what was compared, and PASS or FAIL."""
    from rich.console import Console
    from rich.table import Table

    from converter.proof.update import folded_text

    console = Console(highlight=False, soft_wrap=True)
    table = Table("tensor", "moved by", "difference")
    for tensor in result.tensors:
        table.add_row(tensor.name, f"{tensor.movement:.1e}", f"{tensor.difference:.1e}")
    folded = f", {folded_text(result.folded)}" if result.folded else ""
    verdict = "PASS" if result.passed(tolerance) else "FAIL"
    for part in (
        f"predictions: differ by {result.predictions:.1e} of their range ({result.ending})",
        *([f"note: {result.remark}"] if result.remark else []),
        f"updates: {result.steps} step(s) of {result.samples} samples{folded}",
        table,
        f"{verdict}: the updates differ by {result.update:.1e} of the movement "
        f"(allowed {tolerance:.0e})",
    ):
        console.print(part, markup=False)
