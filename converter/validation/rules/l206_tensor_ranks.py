"""What a layer says of the ranks of its blobs contradicts itself or the rest of the model.

What: `inputTensor` or `outputTensor` for another number of blobs, with sizes for another rank, or
with a rank that the blob does not have elsewhere. Looked at only where exact shapes are in force.
Why: Core ML refuses the model.
Fix: correct the ranks, or leave them out.
Source: `validateNeuralNetwork` in `NeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L206", "tensor-ranks", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each contradiction."""
    for site, fault in model.flow.rank_faults:
        yield RULE.found(fault, "correct the ranks or leave them out", site.name)
