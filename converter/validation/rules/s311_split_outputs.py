"""A split names another number of outputs than it has.

What: `nOutputs` of a `split` layer differs from the number of its outputs.
Why: Apple's validator does not compare them. The size of the parts follows from `nOutputs`, so some
of the parts have no name, or some of the names no part.
Fix: set nOutputs to the number of outputs.
Source: `SplitLayerParams` in `NeuralNetwork.proto`: "y1, y2, …, yN, where N = nOutputs".
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("S311", "split-outputs", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each split with more or fewer outputs than parts."""
    for site in model.flow.of("split"):
        parts, outputs = site.params.nOutputs, len(site.outputs)
        if parts != outputs:
            message = f"splits into {parts} parts, but has {outputs} outputs"
            yield RULE.found(message, f"set nOutputs to {outputs}", site.name)
