"""An updatable pipeline stands inside another pipeline.

What: an updatable model that is a pipeline, as a member of a pipeline.
Why: Apple's validator accepts it; nobody has reported updating one.
Fix: put all models into one pipeline.
Source: seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O220", "nested-pipeline", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for an updatable pipeline inside a pipeline."""
    if model.depth and model.pipeline is not None and model.spec.isUpdatable:
        message = "is an updatable pipeline inside a pipeline, which nobody has reported to train"
        yield RULE.found(message, "put all models into one pipeline")
