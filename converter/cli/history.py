"""Writing what each epoch did as a table."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from converter.files.writing import write_bytes
from converter.runtime import Epoch, History


def write_history(history: History, samples: int, target: Path) -> None:
    """Write one row per epoch to `target`, as JSON or CSV by its ending.

    JSON also tells the score before training, and how many `samples` were learned from: what the
    model counts in a mean (``weights average --samples-from``).

    Raises:
        OutputError: the file cannot be written.
    """
    if target.suffix == ".json":
        text = json.dumps(as_data(history, samples), indent=1) + "\n"
    else:
        table = io.StringIO()
        writer = csv.DictWriter(table, [f.name for f in fields(Epoch)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in history.epochs)
        text = table.getvalue()
    write_bytes(target, text.encode())


def as_data(history: History, samples: int) -> dict[str, Any]:
    """Return what `write_history` writes as JSON."""
    before = asdict(history.before) if history.before else None
    rows = [asdict(epoch) for epoch in history.epochs]
    return {"samples": samples, "before": before, "epochs": rows}
