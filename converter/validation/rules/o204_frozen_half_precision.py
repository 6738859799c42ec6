"""A frozen layer of an updatable network has float16 weights.

What: float16 weights in a layer of an updatable network that is not itself updatable.
Why: Apple's validator accepts them; coremltools refuses to make a network with any float16 weights
updatable. Whether Core ML trains it is not established.
Fix: store float32 values, or put the frozen layers into the first model of a pipeline, where half
precision is fine: `make-updatable --frozen-weights float16` does so.
Source: `NeuralNetworkBuilder.make_updatable` of coremltools.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.kinds import stored_weights
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O204", "frozen-half-precision", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each frozen layer of an updatable network with float16 weights."""
    if model.updatable_net is None:
        return
    for site in model.flow.sites:
        if not site.layer.isUpdatable and any(w.float16Value for w in stored_weights(site.layer)):
            yield RULE.found(
                "has float16 weights in an updatable network",
                "store float32 values, or put the layer into a frozen model of a pipeline, where "
                "float16 is fine",
                site.name,
            )
