"""A pipeline is empty, or its list of names does not fit its models.

What: no models; names in another number than models, or used twice.
Why: Core ML refuses the model.
Fix: name each model once, or none.
Source: `PipelineValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("P101", "pipeline-members", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for an empty pipeline and for names that do not fit."""
    if model.pipeline is None:
        return
    count, names = len(model.pipeline.models), list(model.pipeline.names)
    if not count:
        yield RULE.found("the pipeline has no models", "add the models")
    if names and len(names) != count:
        yield RULE.found(f"has {len(names)} names for {count} models", "name each model once")
    if len(set(names)) < len(names):
        yield RULE.found("gives two models one name", "name each model once")
