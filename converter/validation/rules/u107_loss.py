"""The loss is of a kind, or in a number, that Core ML does not have.

What: more than one loss layer; a loss that is neither categorical cross-entropy nor mean squared
error.
Why: Core ML refuses the model. Calling `set_…_loss` of coremltools twice adds a second loss.
Fix: keep one loss of the two kinds.
Source: `isTrainingConfigurationSupported`, `validateLossLayer` in
`UpdatableNeuralNetworkValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("U107", "loss", "error", "apple", after_shapes=True)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for a second loss, and for a loss without kind."""
    if model.updatable_net is None:
        return
    losses = model.losses
    if len(losses) > 1:
        yield RULE.found(f"has {len(losses)} losses", "keep one of them")
    for loss in losses:
        if loss.WhichOneof("LossLayerType") is None:
            yield RULE.found(
                "the loss is of no known kind",
                "use categorical cross-entropy or mean squared error",
                loss.name,
            )
