"""A model of this kind cannot be updated on the device.

What: `isUpdatable` on anything but a neural network, a k-nearest-neighbours classifier or a
pipeline. ML Programs, trees and linear models are among those that cannot.
Why: Core ML refuses the model.
Fix: put the model in front of an updatable one, in a pipeline.
Source: `validateCanModelBeUpdatable` in `InterfaceValidators.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule
from converter.validation.view import UPDATABLE_KINDS, View

RULE = Rule("U102", "updatable-kind", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for an updatable model of another kind."""
    if model.spec.isUpdatable and model.kind and model.kind not in UPDATABLE_KINDS:
        yield RULE.found(
            f"{model.kind} cannot be updated on the device",
            "clear isUpdatable, or make it the frozen first part of an updatable pipeline",
        )
