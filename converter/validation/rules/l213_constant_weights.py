"""The values of a bias, scale, constant or embedding layer do not fit their declared shape.

What: values that are missing, of more than one type, or not as many as the shape says; a shape of
another rank than the layer takes (bias and scale: 1 or 3, loadConstant: 3, loadConstantND: 1 to
5); scale and bias, or weights and bias, of different precision.
Why: Core ML refuses the model.
Fix: store as many float32 values as the shape has elements.
Source: `validateBiasLayer`, `validateScaleLayer`, `validateLoadConstantLayer`,
`validateLoadConstantNDLayer`, `validateEmbeddingWeightsBias`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from converter.coreml.mlmodel import Message
from converter.validation.apple.weights import complaint, mixes_precisions, product, u64
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L213", "constant-weights", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each array of values that does not fit."""
    for kind, problems in PROBLEMS.items():
        for site in model.flow.of(kind):
            for problem in problems(site.params):
                yield RULE.found(problem, "store as many float32 values as declared", site.name)


def _shaped(
    name: str, weights: Message, shape: Sequence[int], ranks: Sequence[int], by_channel: bool = True
) -> Iterator[str]:
    if len(shape) not in ranks:
        yield f"the {name} has a shape of {len(shape)} axes"
    channels = shape[0] if by_channel and len(shape) == 3 and shape[0] > 1 else 1
    problem = complaint(weights, product(shape), channels)
    if problem:
        yield f"the {name} for {'×'.join(map(str, shape))}: the field {problem}"


def _bias(params: Message) -> Iterator[str]:
    return _shaped("bias", params.bias, params.shape, (1, 3))


def _scale(params: Message) -> Iterator[str]:
    yield from _shaped("scale", params.scale, params.shapeScale, (1, 3))
    if params.hasBias:
        yield from _shaped("bias", params.bias, params.shapeBias, (1, 3))
        if mixes_precisions(params.scale, params.bias):
            yield "scale and bias are of different precision"


def _constant(params: Message) -> Iterator[str]:
    return _shaped("constant", params.data, params.shape, (3,))


def _constant_nd(params: Message) -> Iterator[str]:
    return _shaped("constant", params.data, params.shape, range(1, 6), by_channel=False)


def _lookup(params: Message, inputs: int, outputs: int) -> Iterator[str]:
    problem = complaint(params.weights, u64(inputs * outputs), outputs)
    if problem:
        yield f"the weights for {inputs} × {outputs}: the field {problem}"
    if params.hasBias:
        problem = complaint(params.bias, outputs, 1)
        if problem:
            yield f"the bias for {outputs} outputs: the field {problem}"
        if mixes_precisions(params.weights, params.bias):
            yield "weights and bias are of different precision"


PROBLEMS: dict[str, Callable[[Message], Iterator[str]]] = {
    "bias": _bias,
    "scale": _scale,
    "loadConstant": _constant,
    "loadConstantND": _constant_nd,
    "embedding": lambda params: _lookup(params, params.inputDim, params.outputChannels),
    "embeddingND": lambda params: _lookup(params, params.vocabSize, params.embeddingSize),
}
