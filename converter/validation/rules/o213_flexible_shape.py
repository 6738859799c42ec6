"""An updatable model takes inputs of flexible shape.

What: ranges or lists of sizes on an input of an updatable network.
Why: Apple's validator accepts them; whether training does is not established.
Fix: fix the shape.
Source: none found.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("O213", "flexible-shape", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each input of an updatable network whose shape is flexible."""
    if model.updatable_net is None:
        return
    for feature in model.description.input:
        kind = feature.type
        if (
            kind.multiArrayType.WhichOneof("ShapeFlexibility") is not None
            or kind.imageType.WhichOneof("SizeFlexibility") is not None
        ):
            name = quoted(feature.name)
            yield RULE.found(f"input {name} of an updatable model is flexible", "fix its shape")
