"""A model that is not updatable carries update flags.

What: updatable layers, a loss or training inputs in a network with `isUpdatable` false.
Why: Core ML ignores all of them. Often the flag of the model itself was forgotten.
Fix: set `isUpdatable` of the model, or remove the flags.
Source: seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O217", "idle-flags", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if a frozen network has parts that only an updatable one needs."""
    if model.net is None or model.spec.isUpdatable:
        return
    parts = []
    if any(layer.isUpdatable for layer in model.net.layers):
        parts.append("updatable layers")
    if model.net.HasField("updateParams"):
        parts.append("update parameters")
    if model.description.trainingInput:
        parts.append("training inputs")
    if parts:
        message = f"has {' and '.join(parts)}, but is not marked updatable"
        yield RULE.found(message, "set isUpdatable of the model, or remove them")
