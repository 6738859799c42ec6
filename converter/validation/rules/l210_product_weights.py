"""The weights of a dense layer or matrix product do not fit its declared sizes.

What: weights or bias of more than one type, of mixed precision, or of another number than
inputs × outputs (bias: outputs). Empty weights pass here, as in Apple's validator. With
`int8DynamicQuantize`: weights that are not 8 bit linear with one scale and no bias.
Why: Core ML refuses the model.
Fix: store outputs × inputs float32 values.
Source: `validateInnerProductWeightsBias` and `validateInt8Requirements`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.weights import (
    EMPTY,
    INT8,
    complaint,
    mixes_precisions,
    type_of,
    u64,
)
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L210", "product-weights", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each array of weights that does not fit."""
    for site in model.flow.of("innerProduct"):
        params = site.params
        for problem in _problems(params, params.inputChannels, params.outputChannels):
            yield RULE.found(problem, "store outputs × inputs float32 values", site.name)
    for site in model.flow.of("batchedMatmul"):
        params = site.params
        sizes = params.weightMatrixFirstDimension, params.weightMatrixSecondDimension
        problems = _problems(params, *sizes) if len(site.inputs) == 1 else _of_two_inputs(params)
        for problem in problems:
            yield RULE.found(problem, "store float32 values as declared", site.name)


def _problems(params: Message, inputs: int, outputs: int) -> Iterator[str]:
    if params.int8DynamicQuantize and not _is_int8(params.weights):
        yield "multiplies in int8, but its weights are not 8 bit linear with one scale"
    if type_of(params.weights) not in (EMPTY, INT8):
        problem = complaint(params.weights, u64(inputs * outputs), outputs)
        if problem:
            yield f"the weights for {inputs} × {outputs}: the field {problem}"
    if params.hasBias and type_of(params.bias) not in (EMPTY, INT8):
        problem = complaint(params.bias, outputs, 1)
        if problem:
            yield f"the bias for {outputs} outputs: the field {problem}"
    if params.hasBias and mixes_precisions(params.weights, params.bias):
        yield "weights and bias are of different precision"


def _is_int8(weights: Message) -> bool:
    quantization = weights.quantization
    return (
        type_of(weights) == INT8
        and quantization.numberOfBits == 8
        and quantization.HasField("linearQuantization")
        and len(quantization.linearQuantization.scale) == 1
        and not quantization.linearQuantization.bias
    )


def _of_two_inputs(params: Message) -> Iterator[str]:
    if params.hasBias:
        yield "has two inputs and a bias"
    if params.int8DynamicQuantize:
        yield "has two inputs and multiplies in int8"
