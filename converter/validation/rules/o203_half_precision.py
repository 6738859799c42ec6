"""The weights of an updatable layer are float16.

What: an updatable convolution or innerProduct with float16 weights or bias.
Why: Apple's validator accepts them; coremltools refuses to make such a network updatable, as Core
ML runs it in float16 throughout.
Fix: store float32 values.
Source: `NeuralNetworkBuilder.make_updatable` of coremltools.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.kinds import learning_weights
from converter.coreml.mlmodel import layer_params
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O203", "half-precision", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each updatable layer with float16 weights."""
    if model.updatable_net is None:
        return
    for layer in model.gradient.updatable():
        fields = learning_weights(layer)
        if any(getattr(layer_params(layer), field).float16Value for field in fields):
            message = "is updatable, but its weights are float16"
            yield RULE.found(message, "store float32 values", layer.name)
