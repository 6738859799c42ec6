"""A list of sizes for height and width does not hold two values.

What: one value, or three or more, for the kernel size, stride, dilation, borders or output shape of
a convolution, or for the kernel size, stride or borders of a pooling layer.
Why: the format asks for two, or for none where a default is to be taken. Apple's validator takes
the default as well where there are not two, silently: a stride of [2] counts as [1, 1].
Fix: give height and width.
Source: the comments on these fields in `NeuralNetwork.proto`; `NeuralNetworkShapes.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converter.coreml.mlmodel import Message
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("S310", "two-sizes", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each list of another length."""
    for site in model.flow.of("convolution", "pooling"):
        for name, values in _pairs(site.kind, site.params):
            if len(values) not in (0, 2):
                message = f"{site.kind} has {len(values)} values in {name} instead of 2"
                yield RULE.found(message, "give height and width", site.name)


def _pairs(kind: str, params: Message) -> Iterator[tuple[str, Sequence[Message]]]:
    """Yield the names and values of the lists that count in a layer."""
    if kind == "pooling" and params.globalPooling:
        return
    yield "kernelSize", params.kernelSize
    yield "stride", params.stride
    yield "paddingAmounts", params.valid.paddingAmounts.borderAmounts
    if kind == "pooling":
        yield "paddingAmounts", params.includeLastPixel.paddingAmounts
    elif params.isDeconvolution:
        yield "outputShape", params.outputShape
    else:
        yield "dilationFactor", params.dilationFactor
