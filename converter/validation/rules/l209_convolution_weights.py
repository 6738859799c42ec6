"""The weights of a convolution do not fit its kernel.

What: weights or bias that are missing, of more than one type, of mixed precision, or of another
number than outputChannels × kernelChannels × height × width (deconvolution: kernelChannels ×
outputChannels / nGroups × height × width; bias: outputChannels); weights as a second input in the
classic form, or of a deconvolution or dilated convolution.
Why: Core ML refuses the model.
Fix: store all weights, as float32.
Source: `validateConvolutionLayer` in `NeuralNetworkLayerValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.weights import complaint, mixes_precisions, product
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L209", "convolution-weights", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each array of weights that does not fit."""
    fix = "store all weights, as float32"
    for site in model.flow.of("convolution"):
        if len(site.inputs) == 1:
            for problem in _problems(site.params):
                yield RULE.found(problem, fix, site.name)
        elif not model.exact:
            yield RULE.found("reads its weights from a blob", "store the weights", site.name)
        elif site.params.isDeconvolution or max([0, *site.params.dilationFactor[:2]]) > 1:
            yield RULE.found(
                "is dilated or a deconvolution and reads its weights from a blob",
                "store the weights",
                site.name,
            )


def kernel_shape(params: Message) -> tuple[int, ...]:
    """Return the shape of the weights: four sizes, 3 by 3 if no kernel size is given."""
    sizes = params.kernelSize
    height = sizes[0] if len(sizes) > 0 else 3
    width = sizes[1] if len(sizes) > 1 else 3
    if params.isDeconvolution:
        channels = params.outputChannels // (params.nGroups or 1)
        return params.kernelChannels, channels, height, width
    return params.outputChannels, params.kernelChannels, height, width


def _problems(params: Message) -> Iterator[str]:
    shape = kernel_shape(params)
    problem = complaint(params.weights, product(shape), params.outputChannels)
    if problem:
        yield f"the weights for {'×'.join(map(str, shape))}: the field {problem}"
    if params.hasBias:
        problem = complaint(params.bias, params.outputChannels, 1)
        if problem:
            yield f"the bias for {params.outputChannels} channels: the field {problem}"
        if mixes_precisions(params.weights, params.bias):
            yield "weights and bias are of different precision"
