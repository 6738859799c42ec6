"""An activation is of no known kind, or its parameters are of more than one type.

What: no nonlinearity is set; PReLU slopes, or the two parameters of a parametric softplus, that
hold more than one type of values or unequal types.
Why: Core ML refuses the model.
Fix: set the activation; for "no activation" leave the layer out.
Source: `validateActivationParams` in `NeuralNetworkValidatorUtils.hpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.apple.weights import MIXED, type_of
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("L214", "activation", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each activation that is incomplete."""
    for site in model.flow.of("activation"):
        kind = site.params.WhichOneof("NonlinearityType")
        if kind is None:
            yield RULE.found("is an activation of no kind", "set one, or leave it out", site.name)
        elif kind == "PReLU" and type_of(site.params.PReLU.alpha) == MIXED:
            yield RULE.found(f"has slopes of {MIXED} values", "store float32 slopes", site.name)
        elif kind == "parametricSoftplus":
            softplus = site.params.parametricSoftplus
            types = type_of(softplus.alpha), type_of(softplus.beta)
            if types[0] != types[1] or MIXED in types:
                yield RULE.found(
                    "has alpha and beta of different types", "store both as float32", site.name
                )
