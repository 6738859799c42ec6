"""No layer is updatable, or one of a kind that cannot be.

What: a network marked updatable whose layers are all frozen; `isUpdatable` on a layer that is
neither convolution nor innerProduct (nor a unidirectional LSTM).
Why: Core ML refuses the model.
Fix: mark the dense and convolution layers that are to learn.
Source: `validateUpdatableLayerSupport` in `UpdatableNeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.kinds import facts, kind_of
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("U103", "updatable-layers", "error", "apple", after_shapes=True)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each updatable layer of a wrong kind, or if there is none at all."""
    if model.updatable_net is None:
        return
    some = False
    for layer in model.gradient.updatable():
        some = True
        if not facts(layer).markable:
            yield RULE.found(
                f"a layer of kind {kind_of(layer)} cannot be updatable",
                "clear isUpdatable; only convolution and innerProduct layers learn",
                layer.name,
            )
    if not some:
        yield RULE.found(
            "the model is updatable, but none of its layers is",
            "mark the layers that are to learn, and their weights",
        )
