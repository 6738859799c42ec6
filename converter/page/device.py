"""What one real update in Core ML has shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from converter.device import Verdict
from converter.page.document import Section
from converter.page.parts import STYLE, facts, joined, table

WORDS = {True: "ok", False: "FAILED", None: "unknown"}
"""What came of a check."""


def on_device(verdict: Verdict) -> Section:
    """Return the section for an update that was run in Core ML, or could not be."""
    told = [("verdict", f"{verdict.outcome.value}: {verdict.reason}")]
    if remark := verdict.facts.get("remark"):
        told.append(("note", remark))
    body = [facts(told)]
    if verdict.checks:
        rows = [[check.name, WORDS[check.passed], check.seen] for check in verdict.checks]
        body.append(table("Checks", ["check", "verdict", "seen"], rows))
    if losses := verdict.facts.get("told"):
        body.append(_losses(losses))
    return Section("One update in Core ML", joined(body), STYLE)


def _losses(told: list[Mapping[str, Any]]) -> Markup:
    """Return what Core ML has told of its loss, beside the reference runtime's."""
    columns = ["event", "epoch", "mini-batch", "Core ML", "reference runtime"]
    keys = "event", "epoch", "mini_batch", "loss", "reference"
    rows = [[_cell(point.get(key)) for key in keys] for point in told]
    return table("Losses", columns, rows, columns[1:])


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
