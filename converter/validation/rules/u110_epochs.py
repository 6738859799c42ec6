"""The number of epochs is missing.

What: update parameters without `epochs`.
Why: Core ML refuses the model. `seed` and `shuffle` may be left out.
Fix: set epochs, with a set or range of values that the app may choose from.
Source: `validateOtherTopLevelUpdateParameters` in `UpdatableNeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("U110", "epochs", "error", "apple", after_shapes=True)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if the number of epochs is missing."""
    net = model.updatable_net
    if net is not None and not net.updateParams.HasField("epochs"):
        yield RULE.found("has no number of epochs", "set epochs and the allowed values")
