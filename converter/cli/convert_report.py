"""What a conversion did, as people read it at a terminal: in full, or in a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.printable import printable

if TYPE_CHECKING:
    from converter.conversion.compression import Compression
    from converter.conversion.report import Report
    from converter.coreml.contents import Update


@dataclass(frozen=True)
class Written:
    """Where a model was written, or in a `dry_run` would be."""

    target: Path
    dry_run: bool = False

    def text(self, size: int) -> str:
        """Return what was done with the file of `size` bytes."""
        from converter.coreml.figures import size_text

        told = f"{self.target} ({size_text(size)})"
        if not self.dry_run:
            return f"wrote {told}"
        return f"would write {told}" + (", which exists" if self.target.exists() else "")


def print_summary(report: Report, written: Written) -> None:
    """Print what a conversion did in one line, and every note."""
    parity = "not checked" if report.parity is None else f"{report.parity:.1e}{report.caution}"
    counts = f"{report.parameters.learning:,} of {report.parameters.total:,} parameters"
    done = written.text(report.size)
    click.echo(f"{done}; learns {report.learning} ({counts}); parity {parity}")
    if report.compression is not None:
        for name, text in _in_float32(report.compression, report.size):
            click.echo(f"  {name}: {text}")
    for note in report.notes:
        click.echo(f"  note: {printable(note)}")


def print_report(report: Report, written: Written) -> None:
    """Print what a conversion did: the layers, how they learn, and every note."""
    from converter.cli.tables import layer_table, plain_console, print_table

    console = plain_console()
    for member in report.models or (report,):
        if member.name:
            state = "learns" if member.updatable else "stays as it is"
            console.print(printable(f"'{member.name}' of the pipeline, {state}"), markup=False)
        if member.layers:
            print_table(layer_table(member.layers), console)
    for name, text in _facts(report):
        console.print(printable(f"{name:<16} {text}"), markup=False)
    for note in report.notes:
        console.print(printable(f"note: {note}"), markup=False)
    console.print(written.text(report.size), markup=False)


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what the app has to know of the written model: (what, text)."""
    from converter.cli.tables import classes, features, neighborhood

    yield "parameters", str(report.parameters)
    yield "inputs", features(report.inputs)
    for image in report.images:
        yield "image", str(image)
    if report.pixels:
        yield "pixels", f"{report.pixels} reaches the first layer with weights"
    yield "outputs", features(report.outputs)
    if report.labels:
        yield "classes", classes(report.labels)
    yield "training inputs", features(report.training_inputs)
    if report.update is not None:
        yield from _learning(report.loss, report.update)
    elif report.neighbors is not None:
        yield from neighborhood(report.neighbors)
    if report.parity is None:
        yield "parity", "not checked (--no-verify)"
    else:
        yield "parity", f"{report.parity:.1e} of the range of Keras's output{report.caution}"
    if report.compression is not None:
        yield from _in_float32(report.compression, report.size)


def _learning(loss: str, update: Update) -> Iterator[tuple[str, str]]:
    """Yield how layers learn by a loss: (what, text)."""
    from converter.cli.tables import allowed, order

    yield "loss", loss
    numbers = dict(update.parameters)
    counts = {name: numbers.pop(name) for name in ("epochs", "batch_size")}
    listed = ", ".join(f"{name} {allowed(number)}" for name, number in numbers.items())
    yield "optimizer", f"{update.optimizer}: {listed}"
    for name, count in counts.items():
        yield name.replace("_", " "), allowed(count)
    yield "shuffle", order(update)


def _in_float32(compression: Compression, size: int) -> Iterator[tuple[str, str]]:
    """Yield what the same model is like with all weights in float32."""
    from converter.coreml.figures import size_text

    parity = "" if compression.parity is None else f", parity {compression.parity:.1e}"
    share = size / compression.size
    yield (
        "frozen weights",
        (
            f"{compression.precision}: {share:.2f} of the size of float32, "
            f"{size_text(compression.size)}{parity}"
        ),
    )
    if compression.calibration is not None:
        yield "calibration", str(compression.calibration)
