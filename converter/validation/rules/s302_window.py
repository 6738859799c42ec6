"""A kernel or crop is larger than what it works on, or a size is 0.

What: a convolution or pooling kernel that does not fit once into its padded input; a crop or slice
that leaves nothing; a stride, dilation, pooling kernel, scaling factor or target size of 0.
Why: the output would be empty. Apple's validator accepts it.
Fix: use a smaller kernel, a larger input, or `same` padding; give a size of 1 or more.
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
