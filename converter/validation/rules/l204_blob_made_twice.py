"""A blob is made twice.

What: an output of a layer that is a model input or already made by another layer; only `copy`
may write a blob again. There are no in-place layers.
Why: Core ML refuses the model.
Fix: give the output a name of its own.
Source: `validateNeuralNetwork` in `NeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.flow import MODEL_INPUT
from converter.validation.view import View

RULE = Rule("L204", "blob-made-twice", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each output that exists already."""
    for site, blob, maker in model.flow.remade:
        owner = "is a model input" if maker == MODEL_INPUT else f"layer {quoted(maker)} makes too"
        yield RULE.found(
            f"makes blob {quoted(blob)}, which {owner}", "give its output another name", site.name
        )
