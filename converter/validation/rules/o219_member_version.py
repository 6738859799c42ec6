"""A model inside a pipeline is of a newer version than the pipeline.

What: a member with a higher specification version.
Why: Apple's validator accepts it. A system that reads the pipeline may not know the member.
Fix: give the pipeline the highest version of its members.
Source: seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O219", "member-version", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each member that is newer than its pipeline."""
    if model.pipeline is None:
        return
    for index, member in enumerate(model.pipeline.models):
        version = member.specificationVersion
        if version > model.version:
            yield RULE.found(
                f"model {index} has version {version}, the pipeline {model.version}",
                f"set specificationVersion of the pipeline to {version}",
            )
