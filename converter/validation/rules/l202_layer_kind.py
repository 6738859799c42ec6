"""A layer is of no known kind.

What: none of the layer types is set.
Why: Core ML refuses the model: it is damaged, or of a newer format.
Fix: convert the model again.
Source: `validateFailUnknownType` in `NeuralNetworkLayerValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L202", "layer-kind", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each layer without a kind."""
    for site in model.flow.of(""):
        yield RULE.found("is of no known kind", "convert the model again", site.name)
