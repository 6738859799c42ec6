"""The model is not updatable, but was required to be.

What: `isUpdatable` is false. Only reported with `--require-updatable`.
Why: such a model cannot be personalised on the device.
Fix: convert it with this tool, and name the layers that are to learn.
Source: this project.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O225", "not-updatable", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if the file was required to be updatable and is not."""
    if model.must_be_updatable and not model.depth and not model.spec.isUpdatable:
        yield RULE.found("is not updatable", "convert it with the layers that are to learn")
