"""Print the table of rules for the README: ``python -m converter.validation.rules``."""

from __future__ import annotations

from converter.validation.rules import RULES, title_of


def table() -> str:
    """Return all rules as a Markdown table, in the order in which they are reported."""
    rows = ["| code | name | severity | origin | what it finds |", "|---|---|---|---|---|"]
    for rule in RULES:
        about = rule.RULE
        cells = about.code, about.name, about.severity, about.origin, title_of(rule)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
