"""The network mixes the classic shape mapping with what came after it.

What: the default RANK5 array mapping together with an array input and either a layer younger than
iOS 12 or an exact image mapping.
Why: Core ML refuses the model; `ct.convert` makes such layers of an ordinary Keras model
(batchedMatmul, reshapeStatic, softmaxND, transpose), none of which can be trained through.
Fix: use iOS 12 layers only.
Source: `validateNeuralNetworkTopLevel` in `NeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.shapes import is_ios12_layer
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("M113", "shape-mapping", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if the network needs exact shapes and does not declare them."""
    net = model.net
    if net is None or net.arrayInputShapeMapping or not _has_array_input(model):
        return
    if model.has_new_layers:
        layer = next(layer for layer in net.layers if not is_ios12_layer(layer))
        yield RULE.found(
            f"{layer.WhichOneof('layer') or 'an unknown layer'} is younger than iOS 12 and needs "
            "EXACT_ARRAY_MAPPING",
            "use iOS 12 layers only, or set the mapping in a model that is not to be updated",
            layer.name,
        )
    if net.imageInputShapeMapping:
        yield RULE.found("maps images exactly but arrays to rank 5", "use one mapping for both")


def _has_array_input(model: View) -> bool:
    inputs = model.description.input
    return any(feature.type.WhichOneof("Type") == "multiArrayType" for feature in inputs)
