"""The parameters of a batch or layer normalization do not fit its size.

What: batch norm: gamma, beta and, unless computed, mean and variance that are missing, mixed in
precision, or not one for each channel. Layer normalization: no shape, or gamma and beta that are
missing, quantized, or not float32 values for that shape.
Why: Core ML refuses the model.
Fix: store one float32 value per channel.
Source: `validateBatchnormLayer`, `validateLayerNormalizationLayer`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.weights import MIXED, complaint, i32, mixes_precisions, type_of
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L211", "normalization-weights", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each parameter that does not fit."""
    for kind, problems in (("batchnorm", _of_batch), ("layerNormalization", _of_layer)):
        for site in model.flow.of(kind):
            for problem in problems(site.params):
                yield RULE.found(problem, "store one float32 value per channel", site.name)


def _of_batch(params: Message) -> Iterator[str]:
    arrays = params.gamma, params.beta, params.mean, params.variance
    if mixes_precisions(*arrays):
        yield "mixes float32 and float16 parameters"
    for name in ("gamma", "beta", "mean", "variance"):
        weights = getattr(params, name)
        if params.computeMeanVar and name in ("mean", "variance"):
            if type_of(weights) == MIXED:
                yield f"{name} holds {MIXED} values"
            continue
        problem = complaint(weights, params.channels, 1)
        if problem:
            yield f"{name} for {params.channels} channels: the field {problem}"


def _of_layer(params: Message) -> Iterator[str]:
    total = 1
    for size in params.normalizedShape:
        total = i32(total * i32(size))
    if not params.normalizedShape:
        yield "has no shape to normalize over"
    if params.gamma.HasField("quantization"):
        yield "gamma is quantized"
    for name in ("gamma", "beta"):
        count = len(getattr(params, name).floatValue)
        if not params.HasField(name) or count != total:
            yield f"{name} has {count} float32 values instead of {total}"
