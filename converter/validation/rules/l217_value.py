"""A parameter of a layer has a value that makes no sense.

What: a block size below 2; a slice with a stride below 1 or an end before its start; a clip or
uniform distribution whose minimum is above its maximum; a probability outside 0…1; a negative `k`
of an LRN layer.
Why: Core ML refuses the model.
Fix: correct the value.
Source: `NeuralNetworkLayerValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.weights import i32
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L217", "value", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each impossible value."""
    for kind, problem_of in PROBLEMS.items():
        for site in model.flow.of(kind):
            problem = problem_of(site.params)
            if problem:
                yield RULE.found(f"{kind} {problem}", "correct the value", site.name)


def _block(params: Message) -> str | None:
    return f"has block size {params.blockSize}" if i32(params.blockSize) < 2 else None


def _slice(params: Message) -> str | None:
    start, end = params.startIndex, params.endIndex
    if i32(params.stride) < 1:
        return f"has stride {params.stride}"
    backwards = 0 < end < start or (end < 0 and start < 0 and start > end)
    return f"ends at {end} before it starts at {start}" if backwards else None


def _limits(params: Message) -> str | None:
    above = params.minVal > params.maxVal
    return f"has minimum {params.minVal} above maximum {params.maxVal}" if above else None


def _probability(params: Message) -> str | None:
    outside = params.prob < 0 or params.prob > 1
    return f"has probability {params.prob}" if outside else None


def _lrn(params: Message) -> str | None:
    return f"has k = {params.k}" if params.k < 0 else None


PROBLEMS: dict[str, Callable[[Message], str | None]] = {
    "reorganizeData": _block,
    "slice": _slice,
    "lrn": _lrn,
    "clip": _limits,
    "randomUniformLike": _limits,
    "randomUniformStatic": _limits,
    "randomUniformDynamic": _limits,
    "randomBernoulliLike": _probability,
    "randomBernoulliStatic": _probability,
    "randomBernoulliDynamic": _probability,
}
