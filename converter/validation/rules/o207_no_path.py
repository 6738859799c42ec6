"""An updatable layer does not influence the loss.

What: an updatable layer from which no path leads to the loss.
Why: it cannot learn. Apple's validator starts at the loss and never meets it.
Fix: freeze the layer, or let the loss read what comes of it.
Source: the graph; seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O207", "no-path", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each updatable layer that the loss does not depend on."""
    if model.updatable_net is None or model.gradient.head is None:
        return
    reaching = model.gradient.reaching_loss
    for index, layer in enumerate(model.gradient.layers):
        if layer.isUpdatable and index not in reaching:
            message = "is updatable, but no path leads from it to the loss"
            yield RULE.found(message, "freeze it, or let the loss depend on it", layer.name)
