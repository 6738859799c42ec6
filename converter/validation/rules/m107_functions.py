"""The interface is given per function, where Core ML does not allow that.

What: functions in another kind of model than an ML Program, below specification version 9, beside
inputs and outputs of the model itself, or without the default function.
Why: Core ML refuses the model.
Fix: describe inputs and outputs of the model itself.
Source: `validateModelDescription` in `InterfaceValidators.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("M107", "functions", "error", "apple")

FIRST_VERSION = 9
OWN_FIELDS = (
    "input",
    "output",
    "state",
    "predictedFeatureName",
    "predictedProbabilitiesName",
    "trainingInput",
)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each way in which functions are not allowed."""
    if not model.has_functions:
        return
    description = model.description
    fix = "describe inputs and outputs of the model itself, and no functions"
    if model.kind != "mlProgram":
        yield RULE.found("has functions, which only ML Programs can have", fix)
    elif model.version < FIRST_VERSION:
        yield RULE.found(f"has functions, which version {model.version} does not have", fix)
    if any(len(getattr(description, name)) for name in OWN_FIELDS):
        yield RULE.found("has functions and an interface of its own", "keep one of the two")
    if description.defaultFunctionName not in {f.name for f in description.functions}:
        name = quoted(description.defaultFunctionName)
        yield RULE.found(f"has no function {name}, its default", "name an existing function")
