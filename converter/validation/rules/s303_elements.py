"""A reshape or split changes the number of values.

What: a target shape with more or fewer elements than the input; a number of parts or a block size
that does not divide the input.
Why: Apple's validator accepts it; Core ML cannot compute it.
Fix: choose sizes that fit the input.
Source: shape inference of this project.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("S303", "elements", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each change of shape that does not add up."""
    return model.misfits(RULE, "elements")
