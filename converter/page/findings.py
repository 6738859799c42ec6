"""What the rules of Core ML find in a model, and what `validate --explain` says of each rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from converter.page.document import Section
from converter.page.parts import STYLE, facts, folded, joined, linked, listing, paragraphs
from converter.validation.finding import Finding
from converter.validation.rules import RULES, RuleModule, title_of
from converter.validation.validate import rule_of

NAMES = ("What", "Why", "Fix", "Source")
"""The parts of what a rule says of itself."""

MOST_SHOWN = 20
"""Findings of one rule that are listed."""


def findings(found: Sequence[Finding]) -> Section:
    """Return the section: each rule that has found something, with its findings."""
    if not found:
        text = f"None of the {len(RULES)} rules has found anything: Core ML should accept it."
        return Section("Findings", paragraphs([text]), STYLE)
    codes = dict.fromkeys(finding.code for finding in found)
    parts = [_of_rule(code, [each for each in found if each.code == code]) for code in codes]
    return Section("Findings", joined(parts), STYLE)


def _of_rule(code: str, found: Sequence[Finding]) -> Markup:
    rule = rule_of(code)
    assert rule is not None, "a finding has the code of a rule"
    head = Markup("<h3>{} {}: {}</h3>").format(code, found[0].severity, rule.RULE.name)
    texts = [f"{each.where()}{each.message}; {each.fix}" for each in found[:MOST_SHOWN]]
    if len(found) > MOST_SHOWN:
        texts.append(f"and {len(found) - MOST_SHOWN} more")
    return joined([head, listing(texts), folded(f"About {code}", _about(rule))])


def _about(rule: RuleModule) -> Markup:
    return joined([paragraphs([title_of(rule)]), facts(_explained(rule))])


def _explained(rule: RuleModule) -> Iterator[tuple[str, Markup]]:
    """Yield the parts of what a rule says of itself."""
    parts = re.split(rf"^({'|'.join(NAMES)}): ", rule.__doc__ or "", flags=re.MULTILINE)[1:]
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        yield name, linked(" ".join(text.split()))
