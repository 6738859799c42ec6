"""A layer reads a blob that does not exist yet.

What: an input of a layer that is neither a model input nor made by a layer before it. Layers must
stand in the order of computation; a cycle is caught here too.
Why: Core ML refuses the model.
Fix: correct the name, or move the layer behind the one that makes the blob.
Source: `validateNeuralNetwork` in `NeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("L203", "blob-missing", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each input of a layer that nothing before has made."""
    for site, blob in model.flow.missing:
        yield RULE.found(
            f"reads blob {quoted(blob)}, which nothing before it makes",
            "correct the name, or move the layer behind the one that makes the blob",
            site.name,
        )
