"""A weight is no number.

What: NaN among the weights of a layer, the samples of a k-nearest-neighbours classifier or the
values of a mean image, or infinity where values are multiplied or compared. Constants and biases
that are added (`loadConstant`, `bias`) may be infinite, as masks are. Only looked for in files.
Why: Apple's validator does not look at the values. What is computed from NaN is NaN: every answer,
every gradient, and after one step every weight that learns.
Fix: train again, or take weights from before the training diverged.
Source: IEEE 754.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.finding import Finding, Rule
from converter.validation.odd_floats import odd_values
from converter.validation.view import View

RULE = Rule("O229", "no-numbers", "error", "ours")

_ADDED = ("loadConstant", "loadConstantND", "bias")
"""Layers whose values may be infinite."""

_ELSEWHERE = ("NeuralNetworkLayer", "Model")
"""Layers and members of pipelines are walked through one by one."""


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each layer, and for the rest of a model, with values that are none."""
    if not model.odd_floats or model.params is None or model.kind == "mlProgram":
        return
    if problem := _problem(model.params, "its samples or its mean image"):
        yield RULE.found(problem, "store numbers")
    for site in model.flow.sites:
        if site.params is not None:
            may_be_infinite = site.kind in _ADDED
            if problem := _problem(site.params, "its weights", may_be_infinite):
                fix = "train again, or take weights from before the training diverged"
                yield RULE.found(problem, fix, site.name)


def _problem(params: Message, what: str, may_be_infinite: bool = False) -> str | None:
    found = next(
        (v for v in odd_values(params, _ELSEWHERE) if math.isnan(v) or not may_be_infinite), None
    )
    if found is None:
        return None
    return f"{what} hold {'NaN' if math.isnan(found) else 'infinity'}"
