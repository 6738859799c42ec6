"""Whether Core ML will accept a model and can train it: runs all rules over it.

for finding in validate_file(Path("LeNet5.mlmodel")):
print(finding.text())
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from google.protobuf.message import DecodeError

from converter import mlmodel
from converter.mlmodel import Message
from converter.rules import RULES, Finding, RuleModule, View, f101_unreadable, models_in

MOST_FINDINGS = 50
"""Findings of one rule in one model that are listed; the last of them counts the others."""


class RuleError(Exception):
    """A rule has failed on a model: a bug of this tool, named by the rule."""


def findings(model: Message) -> list[Finding]:
    """Return everything that the rules find in `model` and, in a pipeline, in its members.

    Raises:
        RuleError: a rule has a bug.
    """
    return [
        finding for view in models_in(model) for rule in RULES for finding in _apply(rule, view)
    ]


def has_errors(found: list[Finding]) -> bool:
    """Return whether there is a finding of severity ``error``."""
    return any(finding.severity == "error" for finding in found)


def validate_bytes(data: bytes) -> list[Finding]:
    """Return the findings for the bytes of a .mlmodel file; bytes of any other kind are a finding."""
    model = mlmodel.Model_pb2.Model()
    try:
        model.ParseFromString(data)
    except DecodeError:
        return [f101_unreadable.not_a_model()]
    return findings(model)


def validate_file(path: Path) -> list[Finding]:
    """Return the findings for the file `path`; that it cannot be read is a finding too."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return [f101_unreadable.not_readable(error)]
    return validate_bytes(data)


def _apply(rule: RuleModule, view: View) -> Iterator[Finding]:
    found = _check(rule, view)
    for number, finding in enumerate(found):
        if number == MOST_FINDINGS - 1 and (rest := sum(1 for _ in found)):
            message = f"{rest + 1} more findings of this kind"
            finding = replace(finding, layer="", message=message)
        yield _placed(_attributed(finding, rule, view), view)


def _check(rule: RuleModule, view: View) -> Iterator[Finding]:
    try:
        yield from rule.check(view)
    except Exception as error:
        raise RuleError(f"rule {rule.RULE.code} failed: {type(error).__name__}: {error}") from error


def _attributed(finding: Finding, rule: RuleModule, view: View) -> Finding:
    """Take back the claim that Apple refuses a model that Apple's validator stops looking at."""
    if rule.RULE.after_shapes and view.apple_stops_at_shapes:
        return replace(finding, origin="ours")
    return finding


def _placed(finding: Finding, view: View) -> Finding:
    if not view.place:
        return finding
    return replace(finding, message=f"{view.place}: {finding.message}")
