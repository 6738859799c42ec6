"""A k-nearest-neighbours classifier is updatable by itself.

What: an updatable k-nearest-neighbours classifier that is not part of a pipeline.
Why: updating one crashed with EXC_BAD_ACCESS for some (apple/coremltools issue 1122); the cause is
not established. Apple's own example keeps it behind a feature extractor in a pipeline.
Fix: try it on a device early, or put it into a pipeline.
Source: https://github.com/apple/coremltools/issues/1122
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O221", "lone-neighbors", "warning", "runtime")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for an updatable k-nearest-neighbours classifier outside of a pipeline."""
    lone = model.kind == "kNearestNeighborsClassifier" and not model.depth
    if lone and model.spec.isUpdatable:
        message = (
            "updating a k-nearest-neighbours classifier outside of a pipeline crashed for some"
        )
        yield RULE.found(message, "try it on a device early, or put it into a pipeline")
