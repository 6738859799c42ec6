"""``make-updatable verify --on-device --calibrate``: what Core ML does in the small trainings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.cli.verdict import tell
from converter.errors import EXIT_ERROR, EXIT_NOT_RUN, EXIT_OK

if TYPE_CHECKING:
    from converter.device.record import Seen
    from converter.device.trainings import Training


def run_calibration(
    timeout: float | None, require_update: bool, out: Path | None, as_json: bool, quiet: bool
) -> int:
    """Run all trainings in Core ML, print how each ended, and write the record.

    Each may take `timeout` seconds. Returns the exit code: 0 if all were recorded, 1 if not, but
    `EXIT_NOT_RUN` where Core ML could not be run and `require_update` does not ask for it; then
    nothing is written.

    Raises:
        OutputError: the record cannot be written.
    """
    from converter import device
    from converter.device.measuring import measure
    from converter.device.record import RECORDED

    reason = device.why_not_here()
    if reason is not None:
        click.echo(f"calibration: {device.Outcome.NOT_RUN.value}: {reason}", err=True)
        return EXIT_ERROR if require_update else EXIT_NOT_RUN

    def hear(training: Training, seen: Seen) -> None:
        is_well = seen.outcome == RECORDED
        if not is_well or not (quiet or as_json):
            because = f" ({seen.reason})" if seen.reason else ""
            said = f"{training.name:4} {seen.outcome}: {training.asks}{because}"
            click.echo(said, err=not is_well)

    record = measure(timeout or device.TIMEOUT, hear)
    tell(record.as_dict(), as_json, out)
    if out is not None and not (quiet or as_json):
        click.echo(f"wrote {out}; make-updatable calibrate tells what it says")
    is_complete = all(seen.outcome == RECORDED for seen in record.trainings.values())
    return EXIT_OK if is_complete else EXIT_ERROR
