"""A 3D convolution or pooling has sizes or weights that do not fit.

What: a kernel, stride, dilation, channel or group number that is not positive; negative padding, or
pooling amounts without CUSTOM padding; an output shape that is not three sizes of a deconvolution;
weights or bias that are missing, quantized, of mixed precision or of a wrong number.
Why: Core ML refuses the model.
Fix: correct the sizes; such layers cannot be trained through in any case.
Source: `validateConvolution3DLayer`, `validatePooling3dLayer`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.weights import (
    FLOAT16,
    FLOAT32,
    complaint,
    i32,
    mixes_precisions,
    quotient,
    type_of,
)
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L218", "three-dimensional", "error", "apple")

AXES = ("Depth", "Height", "Width")
SIDES = ("Front", "Back", "Top", "Bottom", "Left", "Right")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each size or array of weights that does not fit."""
    for kind, problems in (("convolution3d", _convolution), ("pooling3d", _pooling)):
        for site in model.flow.of(kind):
            for problem in problems(site.params):
                yield RULE.found(problem, "correct the layer", site.name)


def _not_positive(params: Message, names: list[str]) -> Iterator[str]:
    for name in names:
        if getattr(params, name) <= 0:
            yield f"has {name} = {getattr(params, name)}"


def _pooling(params: Message) -> Iterator[str]:
    yield from _not_positive(
        params, [f"{what}{axis}" for what in ("kernel", "stride") for axis in AXES]
    )
    custom = params.paddingType == params.CUSTOM
    for side in SIDES:
        amount = getattr(params, f"customPadding{side}")
        if amount < 0 or (amount and not custom):
            yield f"pads {amount} at the {side.lower()}"


def _convolution(params: Message) -> Iterator[str]:
    names = [f"{what}{axis}" for what in ("kernel", "stride", "dilation") for axis in AXES]
    names += ["inputChannels", "outputChannels", "nGroups"]
    yield from _not_positive(params, names)
    for side in SIDES:
        amount = getattr(params, f"customPadding{side}")
        if amount < 0:
            yield f"pads {amount} at the {side.lower()}"
    if params.outputShape and (not params.isDeconvolution or len(params.outputShape) != 3):
        yield f"has an output shape of {len(params.outputShape)} sizes"
    yield from _weights(params)


def _weights(params: Message) -> Iterator[str]:
    divided, whole = params.inputChannels, params.outputChannels
    if params.isDeconvolution:
        divided, whole = whole, divided
    total = i32(quotient(divided, params.nGroups or 1) * whole)
    for axis in AXES:
        total = i32(total * getattr(params, f"kernel{axis}"))
    for name, expected in (("weights", total), ("bias", params.outputChannels)):
        weights = getattr(params, name)
        if name == "bias" and not params.hasBias:
            continue
        problem = complaint(weights, expected, 1)
        if type_of(weights) not in (FLOAT32, FLOAT16):
            problem = f"holds {type_of(weights)} values"
        if problem:
            yield f"the {name} for {expected} values: the field {problem}"
    if params.hasBias and mixes_precisions(params.weights, params.bias):
        yield "weights and bias are of different precision"
