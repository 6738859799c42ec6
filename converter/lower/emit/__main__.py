"""Print the table of operations for `docs/layers.md`: ``python -m converter.lower.emit``."""

from __future__ import annotations

import inspect

from converter.lower.emit import EMITTERS


def table() -> str:
    """Return a Markdown table with one row per emitter, from the emitters' docstrings."""
    rows = ["| MIL operation | Keras layers → Core ML layer |", "|---|---|"]
    for kind, emitter in EMITTERS.items():
        text = " ".join((inspect.getdoc(emitter) or "").split())
        text = text.replace("->", "→").replace("|", r"\|")
        rows.append(f"| `{kind}` | {text} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
