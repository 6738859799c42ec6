"""The target of a cross-entropy is not an integer.

What: a class index declared as DOUBLE or FLOAT32.
Why: Apple's validator does not look at it. INT32 is what coremltools writes and what the apps known
to train use; whether Core ML accepts other types is not established.
Fix: declare the target as INT32.
Source: `set_categorical_cross_entropy_loss` of coremltools.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.rules.u112_training_inputs import target_feature
from converter.validation.view import View

RULE = Rule("O211", "class-target-type", "warning", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if the class index is not INT32."""
    if model.updatable_net is None or not model.gradient.crossentropy:
        return
    feature = target_feature(model)
    if feature is not None and feature.type.WhichOneof("Type") == "multiArrayType":
        array = feature.type.multiArrayType
        if array.dataType != array.INT32:
            yield RULE.found(f"target {quoted(feature.name)} is not INT32", "make it INT32")
