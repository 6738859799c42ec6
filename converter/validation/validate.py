"""Whether Core ML will accept a model and can train it: runs all rules over it.

for finding in validate_file(Path("LeNet5.mlmodel")):
    print(finding.text())
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from google.protobuf.message import DecodeError

from converter.coreml import encoding, mlmodel
from converter.coreml.mlmodel import Message
from converter.files.kinds import described, special
from converter.validation.finding import Finding
from converter.validation.odd_floats import may_be_odd
from converter.validation.rules import RULES, RuleModule, f101_unreadable, f102_trailing_bytes
from converter.validation.view import View, models_in

MOST_FINDINGS = 50
"""Findings of one rule in one model that are listed; the last of them counts the others."""


class RuleError(Exception):
    """A rule has failed on a model: a bug of this tool, named by the rule."""


def findings(
    model: Message,
    *,
    must_be_updatable: bool = False,
    ignore: Collection[str] = (),
    unusual: str = "",
    odd_floats: bool = False,
) -> list[Finding]:
    """Return everything that the rules find in `model` and, in a pipeline, in its members.

    `ignore` holds codes of rules that are not run, `unusual` says what only Apple's reader takes
    about the file, `odd_floats` whether weights are to be looked at for NaN and infinity.

    Raises:
        RuleError: a rule has a bug.
    """
    found: list[Finding] = []
    for view in models_in(model):
        view.must_be_updatable, view.unusual = must_be_updatable, unusual
        view.odd_floats = odd_floats
        for rule in RULES:
            if rule.RULE.code not in ignore:
                found += _apply(rule, view)
    return found


def has_errors(found: list[Finding]) -> bool:
    """Return whether there is a finding of severity ``error``."""
    return any(finding.severity == "error" for finding in found)


def validate_bytes(
    data: bytes, *, must_be_updatable: bool = False, ignore: Collection[str] = ()
) -> list[Finding]:
    """Return the findings for the bytes of a .mlmodel file; that they are none is a finding too."""
    model, whole = mlmodel.Model_pb2.Model(), data
    unusual = ""
    try:
        model.ParseFromString(data)
    except DecodeError:
        read = encoding.as_cpp_reads(data)
        if read is None:
            return [f101_unreadable.not_a_model(data)]
        unusual = f102_trailing_bytes.unusual(len(data) - read[1])
        data, _ = read
        try:
            model.ParseFromString(data)
        except DecodeError:
            return [f101_unreadable.not_a_model(data)]
    if model.WhichOneof("Type") is None and described(io.BytesIO(whole)):
        return [f101_unreadable.not_a_model(whole)]  # other bytes can be a message, by accident
    return findings(
        model,
        must_be_updatable=must_be_updatable,
        ignore=ignore,
        unusual=unusual,
        odd_floats=may_be_odd(data),
    )


def validate_file(
    path: Path, *, must_be_updatable: bool = False, ignore: Collection[str] = ()
) -> list[Finding]:
    """Return the findings for the file `path`; that it cannot be read is a finding too.

    Raises:
        RuleError: a rule has a bug.
    """
    if found := special(path):
        return [f101_unreadable.no_file(found)]
    try:
        data = path.read_bytes()
    except OSError as error:
        return [f101_unreadable.not_readable(error)]
    return validate_bytes(data, must_be_updatable=must_be_updatable, ignore=ignore)


def rule_of(code: str) -> RuleModule | None:
    """Return the rule with a code, in any case, or None if there is none."""
    return next((rule for rule in RULES if rule.RULE.code == code.upper()), None)


def _apply(rule: RuleModule, view: View) -> Iterator[Finding]:
    found = _check(rule, view)
    for number, finding in enumerate(found):
        if number == MOST_FINDINGS - 1 and (rest := sum(1 for _ in found)):
            finding = replace(finding, layer="", message=f"{rest + 1} more findings of this kind")
        if rule.RULE.after_shapes and view.apple_stops_at_shapes:
            # Apple's validator accepts such a model without looking further.
            finding = replace(finding, origin="ours")
        yield replace(finding, place=view.place) if view.place else finding


def _check(rule: RuleModule, view: View) -> Iterator[Finding]:
    try:
        yield from rule.check(view)
    except Exception as error:
        name = type(error).__name__
        raise RuleError(f"rule {rule.RULE.code} failed with {name}: {error}") from error
