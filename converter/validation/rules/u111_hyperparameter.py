"""The default of a hyperparameter is not one of its allowed values.

What: a default outside of its range or set; an epoch number, batch size or number of neighbours
that is not positive, or may become so. In a set, values after the default are not looked at.
Why: Core ML refuses the model.
Fix: include the default in the allowed values; of counts allow no value below 1.
Source: `ParameterValidator.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.hyperparameters import hyperparameters
from converter.coreml.mlmodel import Message
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("U111", "hyperparameter", "error", "apple", after_shapes=True)


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each hyperparameter whose default is not allowed."""
    if model.updatable_net is None:
        return
    for item in hyperparameters(model.updatable_net):
        if not item.checked:
            continue
        problem = (
            integer_problem(item.value, item.positive)
            if item.integer
            else _number_problem(item.value)
        )
        if problem:
            yield RULE.found(f"{item.name} {problem}", remedy(item.value, item.positive))


def remedy(parameter: Message, positive: bool) -> str:
    """Return what to do about a parameter with a problem; allowing a 0 would not help."""
    if positive and parameter.defaultValue <= 0:
        return "give a default of 1 or more, and allow no less"
    allowed = parameter.WhichOneof("AllowedValues")
    values = parameter.set.values if allowed == "set" else (parameter.range.minValue,)
    if positive and min(values, default=1) <= 0:
        return "allow no value below 1"
    return "include the default in the allowed values"


def integer_problem(parameter: Message, positive: bool) -> str | None:
    """Return what is wrong with an ``Int64Parameter``, or None."""
    default = parameter.defaultValue
    if positive and default <= 0:
        return f"has default {default}, which is not positive"
    allowed = parameter.WhichOneof("AllowedValues")
    if allowed == "set":
        for value in parameter.set.values:
            if value == default:
                return None
            if positive and value <= 0:
                return f"may be {value}, which is not positive"
        return f"has default {default}, which is not in its set of allowed values"
    if allowed == "range":
        low, high = parameter.range.minValue, parameter.range.maxValue
        if positive and min(low, high) <= 0:
            return f"may be {min(low, high)}, which is not positive"
        return _outside(default, low, high)
    return None


def _number_problem(parameter: Message) -> str | None:
    if not parameter.HasField("range"):
        return None
    return _outside(parameter.defaultValue, parameter.range.minValue, parameter.range.maxValue)


def _outside(default: float, low: float, high: float) -> str | None:
    # Written as Apple compares, so that what is not a number passes.
    if default < low or default > high:
        return f"has default {default}, outside of {low} to {high}"
    return None
