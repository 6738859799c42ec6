"""The target of a cross-entropy is not one class index.

What: a target that is no multi-array of one element; one-hot vectors, strings and images among
them. A classifier may take its label instead.
Why: Apple's validator does not look at the target. Core ML's cross-entropy takes one index per
sample, and a target of another form fails while training (apple/coremltools issue 490).
Fix: declare the target as INT32 of shape [1].
Source: `CategoricalCrossEntropyLossLayer` in `NeuralNetwork.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.shapes import declared_shape, describe, volume
from converter.validation.apple.features import readable
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.rules.u112_training_inputs import target_feature
from converter.validation.view import View

RULE = Rule("O210", "class-target", "error", "runtime")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if the target is not a multi-array of one element."""
    if model.updatable_net is None or not model.gradient.crossentropy:
        return
    feature = target_feature(model)
    if feature is None:
        return
    kind, shape = feature.type.WhichOneof("Type"), declared_shape(feature.type)
    if kind == "multiArrayType" and shape is not None and volume(shape) == 1:
        return
    given = describe(shape) if kind == "multiArrayType" and shape else readable(kind)
    yield RULE.found(
        f"target {quoted(feature.name)} is {given}, but cross-entropy takes one class index",
        "declare it as INT32 of shape [1]",
    )
