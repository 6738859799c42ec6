"""A regressor does not say what it predicts.

What: no predictedFeatureName, or no output of that name that is a Double or a multi-array.
Why: Core ML refuses the model.
Fix: name the output.
Source: `validateRegressorInterface` in `InterfaceValidators.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.apple.features import named, type_problem
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("M110", "regressor-interface", "error", "apple")

KINDS = ("neuralNetworkRegressor", "glmRegressor", "supportVectorRegressor")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding if the predicted feature is missing or of a wrong type."""
    if model.kind not in KINDS:
        return
    name = model.description.predictedFeatureName
    if not name:
        yield RULE.found("has no predictedFeatureName", "name the output that is predicted")
        return
    feature = named(model.description.output, name)
    problem = type_problem(feature, name, ("doubleType", "multiArrayType"))
    if problem:
        yield RULE.found(f"predicted feature {problem}", "declare a Double or array output")
