"""A local response normalization looks at no channel.

What: `localSize` 0 of an `lrn` layer.
Why: the layer divides by it: x / (k + alpha / localSize · Σ x²)^beta. Apple's validator does not
look at it.
Fix: give the number of channels in the window, such as 5.
Source: `LRNLayerParams` in `NeuralNetwork.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("S312", "local-size", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each normalization over no channel."""
    for site in model.flow.of("lrn"):
        if site.params.localSize == 0:
            message = "lrn has localSize 0, by which it divides"
            yield RULE.found(message, "give the number of channels in its window", site.name)
