"""A dense layer has no weights.

What: an innerProduct (or matrix product with one input) without weights, or with `hasBias` and
without bias.
Why: Apple's validator checks the number of weights only if there are some. There is nothing to
compute with.
Fix: store the weights.
Source: seen with the published validator.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.apple.weights import EMPTY, type_of
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("S309", "empty-weights", "error", "ours")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each dense layer without weights or bias."""
    for site in model.flow.of("innerProduct", "batchedMatmul"):
        if len(site.inputs) != 1:
            continue
        if type_of(site.params.weights) == EMPTY:
            yield RULE.found("has no weights", "store them", site.name)
        elif site.params.hasBias and type_of(site.params.bias) == EMPTY:
            yield RULE.found("has no bias, but says so", "store it or clear hasBias", site.name)
