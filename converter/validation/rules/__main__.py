"""Print the rules for `docs/rules.md`: ``python -m converter.validation.rules``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from converter.validation.rules import RULES, RuleModule, title_of

PART = re.compile(r"^(What|Why|Fix|Source): ", re.MULTILINE)
"""The parts of the docstring of a rule, which `--explain` prints as it stands."""


def table() -> str:
    """Return all rules as a Markdown table, in the order in which they are reported."""
    rows = ["| code | name | severity | origin | what it finds |", "|---|---|---|---|---|"]
    for rule in RULES:
        about = rule.RULE
        code = f"[{about.code}](#{about.code.lower()})"
        cells = code, about.name, about.severity, about.origin, title_of(rule)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def explanations() -> str:
    """Return what each rule finds, why, and what to do, under the code as its heading."""
    return "\n\n".join("\n".join(_explanation(rule)) for rule in RULES)


def _explanation(rule: RuleModule) -> Iterator[str]:
    about = rule.RULE
    yield f"### {about.code}"
    yield ""
    yield f"**{about.name}** ({about.severity}, origin: {about.origin}). {title_of(rule)}"
    yield ""
    for part, text in parts(rule).items():
        yield f"- **{part}:** {escaped(text)}"


def parts(rule: RuleModule) -> dict[str, str]:
    """Return What, Why, Fix and Source of a rule, each in one line."""
    _, *found = PART.split((rule.__doc__ or "").strip())
    return {
        name: " ".join(text.split()) for name, text in zip(found[::2], found[1::2], strict=True)
    }


def escaped(text: str) -> str:
    """Return `text` so that Markdown shows it as it is; what stands in backquotes is code."""
    pieces = text.split("`")
    pieces[::2] = (re.sub(r"([<*_\[])", r"\\\1", piece) for piece in pieces[::2])
    return "`".join(pieces)


if __name__ == "__main__":
    print(table(), explanations(), sep="\n\n")
