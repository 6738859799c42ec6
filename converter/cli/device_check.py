"""What ``verify --on-device`` and ``convert --on-device`` share: run, print, record, exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.data_options import tell_notes
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
    as_json: bool = False,
    quiet: bool = False,
) -> int:
    """Run one update of the model at `path` in Core ML, print what came of it.

    `data` is a place that `converter.data` reads, `out` a file for the verdict as JSON, which is
    printed instead of text if `as_json`. Returns the exit code: 0 passed, 1 anything else, but
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
    tell({"model": str(path), **verdict.as_dict()}, as_json, out)
    passed = verdict.outcome is device.Outcome.PASSED
    if not (quiet or as_json):
        _print_checks(verdict)
    if not passed or not (quiet or as_json):
        click.echo(f"{path}: {verdict.outcome.value}: {verdict.reason}", err=not passed)
    if verdict.outcome is device.Outcome.NOT_RUN and not require_update:
        return EXIT_NOT_RUN
    return EXIT_OK if passed else EXIT_ERROR


def _print_checks(verdict: Verdict) -> None:
    for check in verdict.checks:
        click.echo(f"{'ok    ' if check.passed else 'FAILED'}  {check.name}: {check.seen}")
