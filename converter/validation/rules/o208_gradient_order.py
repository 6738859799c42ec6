"""A layer without gradient blocks an updatable one, though Apple's validator does not notice.

What: a layer that cannot be back-propagated through stands on some path from an updatable layer to
the loss.
Why: the search of Apple's validator (see U104) depends on the order of inputs: the same network
is refused or accepted by it. The gradient is wrong or missing in either case.
Fix: mark only layers after it, or replace it.
Source: `isTrainingConfigurationSupported` in `UpdatableNeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.kinds import kind_of
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O208", "gradient-order", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each obstacle on a path that Apple's search does not refuse."""
    if model.updatable_net is None:
        return
    gradient = model.gradient
    refused = {blocker for _, blocker in gradient.apple_obstacles()}
    for index in gradient.obstacles():
        if index not in refused:
            yield RULE.found(
                f"{kind_of(gradient.layers[index])} cannot be back-propagated through and "
                "stands between an updatable layer and the loss",
                "mark only layers after it, or use ReLU, sigmoid or tanh",
                gradient.layers[index].name,
            )
