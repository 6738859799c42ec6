"""A kernel or crop is larger than what it works on.

What: a convolution or pooling kernel that does not fit once into its padded input, a stride of 0,
a crop or slice that leaves nothing.
Why: the output would be empty. Apple's validator accepts it.
Fix: use a smaller kernel, a larger input, or `same` padding.
Source: shape inference of this project.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("S302", "window", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each window that does not fit."""
    return model.misfits(RULE, "window")
