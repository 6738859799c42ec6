"""Writing what each epoch did as a table."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, fields
from pathlib import Path

from converter.files import write_bytes
from converter.runtime import Epoch, History


def write_history(history: History, samples: int, target: Path) -> None:
    """Write one row per epoch to `target`, as JSON or CSV by its ending.

    JSON also tells the score before training, and how many `samples` were learned from: what the
    model counts in a mean (``weights average --samples-from``).

    Raises:
        OutputError: the file cannot be written.
    """
    rows = [asdict(epoch) for epoch in history.epochs]
    if target.suffix == ".json":
        before = asdict(history.before) if history.before else None
        text = json.dumps({"samples": samples, "before": before, "epochs": rows}, indent=1) + "\n"
    else:
        table = io.StringIO()
        writer = csv.DictWriter(table, [f.name for f in fields(Epoch)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        text = table.getvalue()
    write_bytes(target, text.encode())
