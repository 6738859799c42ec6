"""A layer lacks a parameter, or has it in the wrong number of values.

What: a missing target shape, axes, begin and end, or class name; a crop without two amounts;
`permute` without four axes; `reshape` to other than three or four sizes; scaling factors or target
sizes that are not two; padding amounts in odd number; custom weights that are not of one type.
Why: Core ML refuses the model.
Fix: set the parameter as the format describes it.
Source: `NeuralNetworkLayerValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.weights import filled_fields
from converter.validation.finding import Finding, Rule
from converter.validation.flow import Site
from converter.validation.view import View

RULE = Rule("L215", "required-parameter", "error", "apple")

NEEDS_ONE: dict[str, tuple[str, ...]] = {
    "transpose": ("axes",),
    "fillStatic": ("targetShape",),
    "reshapeStatic": ("targetShape",),
    "rankPreservingReshape": ("targetShape",),
    "broadcastToStatic": ("targetShape",),
    "expandDims": ("axes",),
    "sliceStatic": ("beginIds", "endIds", "strides", "beginMasks", "endMasks"),
    "randomNormalStatic": ("outputShape",),
    "randomUniformStatic": ("outputShape",),
    "randomBernoulliStatic": ("outputShape",),
    "custom": ("className",),
}
"""Kind of layer -> fields that must not be empty."""

NEEDS_COUNT: dict[str, tuple[str, tuple[int, ...]]] = {
    "permute": ("axis", (4,)),
    "reshape": ("targetShape", (3, 4)),
    "resizeBilinear": ("targetSize", (0, 2)),
    "cropResize": ("targetSize", (0, 2)),
}
"""Kind of layer -> a field and the numbers of values that it may have."""


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each missing or incomplete parameter."""
    fix = "set it as the format describes"
    for kind, fields in NEEDS_ONE.items():
        for site in model.flow.of(kind):
            for name in fields:
                if not len(getattr(site.params, name)):
                    yield RULE.found(f"{kind} has no {name}", fix, site.name)
    for kind, (name, counts) in NEEDS_COUNT.items():
        for site in model.flow.of(kind):
            count = len(getattr(site.params, name))
            if count not in counts:
                wanted = " or ".join(map(str, counts))
                message = f"{kind} has {count} values in {name} instead of {wanted}"
                yield RULE.found(message, fix, site.name)
    for kind, problem_of in SPECIAL.items():
        for site in model.flow.of(kind):
            problem = problem_of(site, site.params)
            if problem:
                yield RULE.found(f"{kind} {problem}", fix, site.name)


def _crop(site: Site, params: Message) -> str | None:
    if len(site.inputs) == 1:
        amounts = len(params.cropAmounts.borderAmounts)
        return None if amounts == 2 else f"cuts along {amounts} axes instead of 2"
    return None if len(params.offset) == 2 else f"has {len(params.offset)} offsets instead of 2"


def _upsample(site: Site, params: Message) -> str | None:
    whole, fractional = len(params.scalingFactor), len(params.fractionalScalingFactor)
    if (whole, fractional) not in ((0, 0), (0, 2), (2, 0)):
        return f"has {whole} whole and {fractional} fractional scaling factors"
    nearest, linear = params.mode == params.NN, params.linearUpsampleMode != params.DEFAULT
    if fractional and (nearest or not linear):
        return "has fractional factors, but is not linear with aligned corners"
    return "takes the nearest value and has a linear mode" if nearest and linear else None


def _squeeze(site: Site, params: Message) -> str | None:
    return None if params.squeezeAll or params.axes else "has no axes"


def _split(site: Site, params: Message) -> str | None:
    parts = len(params.splitSizes) or params.numSplits
    return None if parts == len(site.outputs) else f"has {parts} parts, {len(site.outputs)} outputs"


def _pad(site: Site, params: Message) -> str | None:
    amounts = list(params.padAmounts)
    if len(site.inputs) != 1:
        return None
    if not amounts or len(amounts) % 2:
        return f"has {len(amounts)} padding amounts, not pairs"
    # Core ML reads the amounts as signed 32 bit numbers.
    positive = [0 < amount & 0xFFFF_FFFF < 2**31 for amount in amounts]
    both = any(a and b for a, b in zip(positive[::2], positive[1::2], strict=True))
    return (
        "pads to a size on both ends of an axis"
        if both and params.padToGivenOutputSizeMode
        else None
    )


def _custom(site: Site, params: Message) -> str | None:
    odd = any(filled_fields(weights) != 1 for weights in params.weights)
    return "has weights that are not of one type" if odd else None


def _preserving(site: Site, params: Message) -> str | None:
    tensors = site.layer.inputTensor, site.layer.outputTensor
    if not all(tensors):
        return "does not declare the ranks of its blobs"
    ranks = {tensors[0][0].rank, tensors[1][0].rank, len(params.targetShape)}
    return "has ranks and target shape of different length" if len(ranks) > 1 else None


SPECIAL: dict[str, Callable[[Site, Message], str | None]] = {
    "crop": _crop,
    "upsample": _upsample,
    "squeeze": _squeeze,
    "splitND": _split,
    "constantPad": _pad,
    "custom": _custom,
    "rankPreservingReshape": _preserving,
}
