"""A network reads or gives something else than images and multi-arrays.

What: an input (of any network) or output (of a plain one) of another type.
Why: Core ML refuses the model.
Fix: use an image or a multi-array.
Source: `validateInputOutputTypes` in `NeuralNetworkValidatorUtils.hpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.apple.features import readable
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("M111", "network-features", "error", "apple")

ALLOWED = ("imageType", "multiArrayType", "stateType")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each feature of a network that is neither image nor array nor state."""
    if model.net is None:
        return
    for role in ("input", "output") if model.kind == "neuralNetwork" else ("input",):
        for feature in getattr(model.description, role):
            kind = feature.type.WhichOneof("Type")
            if kind not in ALLOWED:
                yield RULE.found(
                    f"{role} {quoted(feature.name)} of a network is {readable(kind)}",
                    "make it an image or a multi-array",
                )
