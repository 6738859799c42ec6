"""The blobs that a layer combines do not fit together.

What: add, multiply, concat and the like on blobs of unequal sizes, none of which is 1.
Why: Apple's validator accepts it; Core ML cannot compute it.
Fix: bring the blobs to one shape.
Source: shape inference of this project.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("S304", "broadcast", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each layer whose inputs do not fit together."""
    return model.misfits(RULE, "broadcast")
