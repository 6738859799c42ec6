"""The target of a mean squared error does not have the shape of what it is compared with.

What: a target that is no multi-array, or has another number of elements than the loss input.
Why: Apple's validator does not look at the target. At update time an array of a wrong shape raises
`MLModelError.update`; an image as target fails too (apple/coremltools issue 557).
Fix: declare the target as an array of the shape of the output.
Source: https://developer.apple.com/documentation/coreml/mlmodelerror-swift.struct/update
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import SQUARED_ERROR
from converter.coreml.shapes import declared_shape, describe, volume
from converter.validation.apple.features import readable
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.rules.u112_training_inputs import target_feature
from converter.validation.view import View

RULE = Rule("O212", "value-target", "error", "runtime")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if target and loss input do not have equally many elements."""
    if model.updatable_net is None or model.loss is None or model.loss.kind != SQUARED_ERROR:
        return
    feature = target_feature(model)
    if feature is None:
        return
    name, kind = quoted(feature.name), feature.type.WhichOneof("Type")
    fix = "declare an array of the shape of the output"
    if kind != "multiArrayType":
        yield RULE.found(f"target {name} is {readable(kind)}, not a multi-array", fix)
        return
    shape, made = declared_shape(feature.type), model.shapes.shapes.get(model.gradient.loss_input)
    if shape is None:
        yield RULE.found(f"target {name} has no shape", fix)
        return
    sizes = volume(shape), volume(made or (None,))
    if None not in sizes and sizes[0] != sizes[1]:
        message = f"target {name} is {describe(shape)}, the loss reads {describe(made)}"
        yield RULE.found(message, fix)
