"""The weights of an updatable layer are not marked updatable, or are quantized.

What: in an updatable convolution or innerProduct, weights or (with `hasBias`) bias without
`isUpdatable`, or with quantization.
Why: Core ML refuses the model.
Fix: mark both; store them as float32.
Source: `validateWeightParamsUpdatable` in `UpdatableNeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.kinds import learning_weights
from converter.coreml.mlmodel import layer_params
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("U105", "updatable-weights", "error", "apple", after_shapes=True)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each array of weights that could not be updated."""
    if model.updatable_net is None:
        return
    for layer in model.gradient.updatable():
        for name in learning_weights(layer):
            weights = getattr(layer_params(layer), name)
            what = "the weights are" if name == "weights" else "the bias is"
            if weights.HasField("quantization"):
                fix = "store float32 values"
                yield RULE.found(f"{what} quantized in an updatable layer", fix, layer.name)
            if not weights.isUpdatable:
                fix = f"set isUpdatable of the {name} too"
                yield RULE.found(f"{what} not marked updatable", fix, layer.name)
