"""An updatable model has a specification version below 4.

What: `isUpdatable` with a version of 3 or less.
Why: Core ML refuses the model; updates came with version 4 (iOS 13).
Fix: set specificationVersion to 4. Nothing updatable needs more.
Source: `Model::validateGeneric`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("U101", "updatable-version", "error", "apple")

FIRST_VERSION = 4


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for an updatable model of an old version."""
    if model.spec.isUpdatable and model.version < FIRST_VERSION:
        yield RULE.found(
            f"is updatable, which version {model.version} does not have",
            f"set specificationVersion to {FIRST_VERSION}",
        )
