"""The loss reads a blob that it cannot learn from, or compares with one that the network makes.

What: a cross-entropy whose input is not the output of a `softmax` layer (`softmaxND` and logits do
not count); a mean squared error whose input no layer makes; a target that a layer makes.
Why: Core ML refuses the model.
Fix: name the blob of the softmax (or of the last layer), not the layer; let the target be a
training input.
Source: `validateLossLayer` in `UpdatableNeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.gradient import Gradient
from converter.coreml.mlmodel import CROSS_ENTROPY, Message
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("U108", "loss-input", "error", "apple", after_shapes=True)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each name in a loss that stands for the wrong blob."""
    if model.updatable_net is None:
        return
    for loss in model.losses:
        yield from _problems(loss, model.gradient)


def _problems(loss: Message, graph: Gradient) -> Iterator[Finding]:
    kind = loss.WhichOneof("LossLayerType")
    if kind is None:
        return
    names = getattr(loss, kind)
    maker = graph.maker.get(names.input)
    if maker is None:
        message = f"the loss reads {quoted(names.input)}, which no layer makes"
        yield RULE.found(message, "name the blob of the last layer", loss.name)
    elif kind == CROSS_ENTROPY:
        layer = graph.layers[maker]
        if layer.WhichOneof("layer") != "softmax" or layer.output[0] != names.input:
            yield RULE.found(
                f"cross-entropy reads {quoted(names.input)}, made by "
                f"{layer.WhichOneof('layer')} {quoted(layer.name)} instead of softmax",
                "append a softmax layer and name its output",
                loss.name,
            )
    if names.target in graph.maker:
        message = f"the target {quoted(names.target)} is made by the network"
        yield RULE.found(message, "let the target be a training input of its own", loss.name)
