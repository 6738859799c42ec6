"""Two layers of an updatable network have one name.

What: two layers, or a layer and the loss, with the same name (an empty one counts).
Why: Core ML refuses the model: an app addresses weights by layer name.
Fix: give each layer a name of its own.
Source: `validateLayerAndLossLayerNamesCollisions` in `UpdatableNeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("U106", "layer-names", "error", "apple", after_shapes=True)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each name that is used again."""
    if model.updatable_net is None:
        return
    seen: set[str] = set()
    for layer in [*model.gradient.layers, *model.losses]:
        if layer.name in seen:
            message = "has the name of another layer or of the loss"
            yield RULE.found(message, "give each layer a name of its own", layer.name)
        seen.add(layer.name)
