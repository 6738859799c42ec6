"""The specification version is missing, or newer than any that is known.

What: `specificationVersion` is 0 or above 10.
Why: Core ML refuses a model without version, and one that was made for a newer system.
Fix: write 4, which is all that an updatable network needs.
Source: `Model::validateGeneric`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import NEWEST_VERSION, View

RULE = Rule("M101", "spec-version", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for a version that no Core ML reads."""
    if model.version == 0:
        yield RULE.found("the specification version is missing", "set specificationVersion to 4")
    elif model.version > NEWEST_VERSION:
        yield RULE.found(
            f"specification version {model.version} is newer than the newest known, "
            f"{NEWEST_VERSION}",
            "set specificationVersion to 4 if the model uses nothing newer",
        )
