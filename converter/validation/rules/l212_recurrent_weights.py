"""The weights or activations of a recurrent layer do not fit.

What: a weight matrix of another size than outputVectorSize × inputVectorSize, a recursion matrix
of another than outputVectorSize², a bias or peephole vector of another than outputVectorSize;
mixed precision; an activation that recurrent layers do not have; an LSTM without three
activations (a bidirectional one: without three for each direction, or without two sets of weights).
Why: Core ML refuses the model; on missing sets of weights its validator crashes.
Fix: convert the layer again.
Source: `validateSimpleRecurrentLayer`, `validateGRULayer`, `validateUniDirectionalLSTMLayer`,
`validateBiDirectionalLSTMLayer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.weights import QUANTIZED, complaint, mixes_precisions, type_of, u64
from converter.validation.finding import Finding, Rule
from converter.validation.flow import Site
from converter.validation.view import View

RULE = Rule("L212", "recurrent-weights", "error", "apple")

ACTIVATIONS = ("linear", "sigmoid", "tanh", "scaledTanh", "sigmoidHard", "ReLU")

SIMPLE = {"weightMatrix": "input", "recursionMatrix": "square", "biasVector": "bias"}
GRU = {
    f"{gate}Gate{suffix}": size
    for gate in ("update", "reset", "output")
    for suffix, size in (
        ("WeightMatrix", "input"),
        ("RecursionMatrix", "square"),
        ("BiasVector", "bias"),
    )
}
LSTM = {
    **{
        f"{gate}{suffix}": size
        for gate in ("inputGate", "forgetGate", "blockInput", "outputGate")
        for suffix, size in (
            ("WeightMatrix", "input"),
            ("RecursionMatrix", "square"),
            ("BiasVector", "bias"),
        )
    },
    **{f"{gate}GatePeepholeVector": "peephole" for gate in ("input", "forget", "output")},
}
"""Field -> what its number of values is."""


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each array that does not fit, and each wrong activation."""
    for kind, problems in PROBLEMS.items():
        for site in model.flow.of(kind):
            for problem in problems(site):
                yield RULE.found(problem, "convert the layer again", site.name)


def _sizes(
    params: Message, fields: dict[str, str], weights: Message, uses: set[str]
) -> Iterator[str]:
    """Yield what is wrong with the arrays of `weights` that are in use."""
    x, h = params.inputVectorSize, params.outputVectorSize
    expected = {"input": u64(x * h), "square": u64(h * h), "bias": h, "peephole": h}
    used = {name: size for name, size in fields.items() if size in uses}
    for name, size in used.items():
        channels = h if size in ("input", "square") else 1
        problem = complaint(getattr(weights, name), expected[size], channels)
        if problem:
            yield f"{name}: the field {problem}"


def _mixed(fields: dict[str, str], weights: Message, uses: set[str]) -> Iterator[str]:
    used = [getattr(weights, name) for name, size in fields.items() if size in uses]
    if mixes_precisions(*used):
        yield "mixes float32 and float16 weights"


def _wrong_activations(activations: Iterable[Message]) -> Iterator[str]:
    for activation in activations:
        kind = activation.WhichOneof("NonlinearityType")
        if kind not in ACTIVATIONS:
            yield f"has activation {kind or 'of no kind'}, which recurrent layers do not have"


def _simple(site: Site) -> Iterator[str]:
    params = site.params
    uses = {"input", "square"} | ({"bias"} if params.hasBiasVector else set())
    yield from _sizes(params, SIMPLE, params, uses)
    yield from _wrong_activations([params.activation])
    matrices = type_of(params.weightMatrix), type_of(params.recursionMatrix)
    if QUANTIZED not in matrices:
        bias = type_of(params.biasVector) if params.hasBiasVector else QUANTIZED
        if matrices[0] != matrices[1] or bias not in (QUANTIZED, matrices[0]):
            yield "mixes weights of different types"


def _gru(site: Site) -> Iterator[str]:
    params = site.params
    uses = {"input", "square"} | ({"bias"} if params.hasBiasVectors else set())
    yield from _sizes(params, GRU, params, uses)
    yield from _mixed(GRU, params, uses)
    yield from _wrong_activations(params.activations)


def _lstm_uses(options: Message) -> set[str]:
    bias = {"bias"} if options.hasBiasVectors else set()
    return {"input", "square"} | bias | ({"peephole"} if options.hasPeepholeVectors else set())


def _lstm(site: Site) -> Iterator[str]:
    params, uses = site.params, _lstm_uses(site.params.params)
    yield from _sizes(params, LSTM, params.weightParams, uses)
    yield from _mixed(LSTM, params.weightParams, uses)
    yield from _wrong_activations(params.activations)
    if len(params.activations) != 3:
        yield f"has {len(params.activations)} activations instead of 3"


def _bidirectional_lstm(site: Site) -> Iterator[str]:
    # Apple's validator does not compare the precisions here.
    params, uses = site.params, _lstm_uses(site.params.params)
    for name in ("activationsForwardLSTM", "activationsBackwardLSTM"):
        activations = getattr(params, name)
        yield from _wrong_activations(activations)
        if len(activations) != 3:
            yield f"has {len(activations)} {name} instead of 3"
    if len(params.weightParams) < 2:
        yield f"has {len(params.weightParams)} sets of weights instead of 2"
    for weights in params.weightParams[:2]:
        yield from _sizes(params, LSTM, weights, uses)


PROBLEMS = {
    "simpleRecurrent": _simple,
    "gru": _gru,
    "uniDirectionalLSTM": _lstm,
    "biDirectionalLSTM": _bidirectional_lstm,
}
