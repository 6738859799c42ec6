"""The loss has no name.

What: a loss layer with an empty name.
Why: Apple's validator accepts it; tools address the loss by its name.
Fix: name it, such as `loss`.
Source: seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O223", "loss-name", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each loss without a name."""
    if model.updatable_net is not None:
        for loss in model.losses:
            if not loss.name:
                yield RULE.found("the loss has no name", "name it")
