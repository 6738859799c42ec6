"""What ``verify --on-device`` and ``convert --on-device`` share: run, print, record, exit code."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converter.cli.data_options import tell
from converter.errors import EXIT_ERROR, EXIT_NOT_RUN, EXIT_OK

if TYPE_CHECKING:
    from converter.device import Verdict


def run_device_check(
    path: Path,
    data: str | None = None,
    timeout: float | None = None,
    require_update: bool = False,
    record: Path | None = None,
) -> int:
    """Run one update of the model at `path` in Core ML, print what came of it.

    `data` is a place that `converter.data` reads, `record` a file for the verdict as JSON. Returns
    the exit code: 0 passed, 1 anything else, but `EXIT_NOT_RUN` where Core ML could not be run and
    `require_update` does not ask for it.

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
        tell(found.notes)
        samples = found.train
    verdict = device.check(model, samples, timeout or device.TIMEOUT)
    if record is not None:
        from converter.files import write_bytes

        text = json.dumps(_finite({"model": str(path), **verdict.as_dict()}), indent=2)
        write_bytes(record, text.encode() + b"\n")
    return _report(path, verdict, require_update)


def _report(path: Path, verdict: Verdict, require_update: bool) -> int:
    from converter.device import Outcome

    for check in verdict.checks:
        click.echo(f"{'ok    ' if check.passed else 'FAILED'}  {check.name}: {check.seen}")
    passed = verdict.outcome is Outcome.PASSED
    click.echo(f"{path}: {verdict.outcome.value}: {verdict.reason}", err=not passed)
    if verdict.outcome is Outcome.NOT_RUN and not require_update:
        return EXIT_NOT_RUN
    return EXIT_OK if passed else EXIT_ERROR


def _finite(value: Any) -> Any:
    """Return `value` with None for numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
