"""An updatable network has no loss.

What: `isUpdatable` without a loss layer.
Why: there is nothing to learn from. Apple's published validator does not refuse the model but
crashes on it, as it reads the first of no losses.
Fix: add a categorical cross-entropy or mean squared error.
Source: `validateTrainingInputs` in `UpdatableNeuralNetworkValidator.cpp`; seen to crash.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O201", "no-loss", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for an updatable network without loss."""
    if model.updatable_net is not None and not model.losses:
        yield RULE.found(
            "the updatable network has no loss; Apple's validator crashes on it",
            "add a categorical cross-entropy or mean squared error",
        )
