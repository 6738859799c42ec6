"""A convolution, pooling or padding layer does not say how to pad.

What: none of `valid`, `same`, `includeLastPixel` (or `constant`, `reflection`, `replication`) is
set; padding amounts for another number of axes than two.
Why: Core ML refuses the model; there is no default.
Fix: set `valid` for no padding.
Source: `NeuralNetworkLayerValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L208", "padding-type", "error", "apple")

ONEOFS = {
    "convolution": "ConvolutionPaddingType",
    "pooling": "PoolingPaddingType",
    "padding": "PaddingType",
}


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each layer without padding type."""
    for kind, oneof in ONEOFS.items():
        for site in model.flow.of(kind):
            if site.params.WhichOneof(oneof) is None:
                yield RULE.found(f"{kind} has no padding type", "set one, such as valid", site.name)
    for site in model.flow.of("padding"):
        amounts = len(site.params.paddingAmounts.borderAmounts)
        if amounts not in (0, 2):
            yield RULE.found(f"pads {amounts} axes", "give amounts for height and width", site.name)
