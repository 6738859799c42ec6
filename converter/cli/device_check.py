"""What ``verify --on-device`` and ``convert --on-device`` share: run, print, record, exit code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.data_options import tell_notes
from converter.cli.report import write_report
from converter.cli.verdict import tell
from converter.errors import EXIT_ERROR, EXIT_NOT_RUN, EXIT_OK

if TYPE_CHECKING:
    from converter.device import Verdict


def run_device_check(
    path: Path,
    data: str | None = None,
    timeout: float | None = None,
    require_update: bool = False,
    *,
    out: Path | None = None,
    report: Path | None = None,
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Run one update of the model at `path` in Core ML, print what came of it.

    `data` is a place that `converter.data` reads, `out` a file for the verdict as JSON, which is
    printed instead of text if `as_json`; its arrays go into the file `arrays_beside` it. `report`
    is a file for a page on all of it. Returns the exit code: 0 passed, 1 anything else, but
    `EXIT_NOT_RUN` where Core ML could not be run and `require_update` does not ask for it.

    Raises:
        MakeUpdatableError: the model or the data cannot be read, or do not fit.
    """
    from converter import device
    from converter.coreml import mlmodel

    model = mlmodel.read(path)
    samples = None
    if data is not None and device.why_not_here() is None:
        from converter.data import read

        found = read(data, model)
        tell_notes(found.notes, quiet)
        samples = found.train
    verdict = device.check(model, samples, timeout or device.TIMEOUT)
    arrays = _write_arrays(verdict, out)
    tell({"model": str(path), **verdict.as_dict(), "arrays": arrays}, as_json, out)
    passed = verdict.outcome is device.Outcome.PASSED
    if not (quiet or as_json):
        _print_checks(verdict)
    if not passed or not (quiet or as_json):
        click.echo(f"{path}: {verdict.outcome.value}: {verdict.reason}", err=not passed)
    if report is not None:
        from converter.page.device import on_device
        from converter.page.model import core_ml_sections

        sections = [on_device(verdict), *core_ml_sections(model, path.stat().st_size)]
        write_report(report, f"{path.name}: verified", sections, quiet=quiet or as_json)
    if verdict.outcome is device.Outcome.NOT_RUN and not require_update:
        return EXIT_NOT_RUN
    return EXIT_OK if passed else EXIT_ERROR


def arrays_beside(out: Path) -> Path:
    """Return the file for the arrays of a verdict that is written to `out`."""
    return out.with_suffix(".arrays.npz")


def _write_arrays(verdict: Verdict, out: Path | None) -> str | None:
    """Write all arrays of the verdict, and return the name of the file, None if there is none."""
    if out is None or not verdict.arrays:
        return None
    import numpy as np

    from converter.files.writing import replacing

    target = arrays_beside(out)
    with replacing(target) as temporary, temporary.open("wb") as file:
        np.savez(file, **verdict.arrays)  # type: ignore[arg-type]
    return target.name


WORDS = {True: "ok", False: "FAILED", None: "unknown"}


def _print_checks(verdict: Verdict) -> None:
    if remark := verdict.facts.get("remark"):
        click.echo(f"note     {remark}")
    for check in verdict.checks:
        click.echo(f"{WORDS[check.passed]:7}  {check.name}: {check.seen}")
    for told in verdict.facts.get("told", []):
        click.echo(f"loss     {_point(told)}: {_losses(told)}")


def _point(told: Mapping[str, Any]) -> str:
    numbers = (("epoch", told["epoch"]), ("mini-batch", told["mini_batch"]))
    return ", ".join([told["event"], *(f"{name} {n}" for name, n in numbers if n is not None)])


def _losses(told: Mapping[str, Any]) -> str:
    """Return what Core ML told, and what the reference runtime has at the same point."""
    found = "none" if told["loss"] is None else f"{told['loss']:g}"
    if told.get("reference") is None:
        return found
    mean = f", mean of the epoch {told['reference_mean']:g}" if "reference_mean" in told else ""
    return f"{found} (reference runtime {told['reference']:g}{mean})"
