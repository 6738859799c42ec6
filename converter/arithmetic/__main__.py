"""Print the tables of `docs/core-ml-arithmetic.md`: what is known, and every way there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from converter.arithmetic.choice import COREML, FORMS, KERAS, Arithmetic
from converter.arithmetic.evidence import EVIDENCE


def known() -> str:
    """Return the table of `COREML`: each field, how sure it is, and what says so."""
    rows = ["| | `keras` | `coreml` | how sure | what says so |", "|---|---|---|---|---|"]
    for field in fields(Arithmetic):
        ours, theirs = (_text(getattr(each, field.name)) for each in (KERAS, COREML))
        rows.append(f"| `{field.name}` | {ours} | {theirs} | {' | '.join(EVIDENCE[field.name])} |")
    return "\n".join(rows)


def ways() -> str:
    """Return the table of everything that a field may be."""
    return "\n".join(["| | may be | which is |", "|---|---|---|", *_ways()])


def _ways() -> Iterator[str]:
    for name, forms in FORMS.items():
        for form, function in forms.items():
            yield f"| `{name}` | `{form}` | {str(function.__doc__).rstrip('.')} |"


def _text(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else str(value)


if __name__ == "__main__":
    print(known(), ways(), sep="\n\n")
