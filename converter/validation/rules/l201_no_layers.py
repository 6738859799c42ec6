"""The network has no layers.

What: an empty list of layers.
Why: Core ML refuses the model.
Fix: check the conversion that made the file.
Source: `validateNeuralNetworkTopLevel` in `NeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L201", "no-layers", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for a network without layers."""
    if model.net is not None and not model.net.layers:
        yield RULE.found("the network has no layers", "check the conversion that made the file")
