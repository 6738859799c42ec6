"""An input or output has no name, no type, or a type that Core ML does not allow there.

What: a feature without name or type; a state among the outputs, or other features among the
states; a dictionary without key type; a sequence without element type or with an impossible
length; a state with another data type than FLOAT16 or INT8, without shape, of flexible shape or
with a default value.
Why: Core ML refuses the model. Sequences need specification version 3, states version 9.
Fix: complete the feature description.
Source: `validateFeatureDescription` in `InterfaceValidators.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.features import is_impossible
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("M104", "feature-type", "error", "apple")


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each broken feature; arrays and images have rules of their own."""
    for role, feature in model.features():
        problem = problem_of(feature, role, model.version)
        if problem:
            yield RULE.found(f"{role} {quoted(feature.name)} {problem}", "complete its description")


def problem_of(feature: Message, role: str, version: int) -> str | None:
    """Return what is wrong with a feature in the given role, or None."""
    kind = feature.type.WhichOneof("Type")
    if not feature.name:
        return "has no name"
    if kind is None:
        return "has no type"
    if kind == "stateType" and role == "output":
        return "is a state among the outputs"
    if kind != "stateType" and role == "state":
        return "is no state"
    if kind == "dictionaryType" and feature.type.dictionaryType.WhichOneof("KeyType") is None:
        return "is a dictionary without key type"
    if kind == "sequenceType":
        return _sequence_problem(feature.type.sequenceType, version)
    if kind == "stateType":
        return _state_problem(feature.type, version)
    return None


def _sequence_problem(sequence: Message, version: int) -> str | None:
    if version < 3:
        return f"is a sequence, which version {version} does not have"
    if is_impossible(sequence.sizeRange):
        return "is a sequence of impossible length"
    return "is a sequence without type" if sequence.WhichOneof("Type") is None else None


def _state_problem(kind: Message, version: int) -> str | None:
    array = kind.stateType.arrayType
    if version < 9:
        return f"is a state, which version {version} does not have"
    if kind.isOptional:
        return "is an optional state"
    if not array.shape or min(array.shape) < 0:
        return "is a state without a proper shape"
    if array.dataType not in (array.FLOAT16, array.INT8):
        return "is a state of another type than FLOAT16 or INT8"
    if array.WhichOneof("ShapeFlexibility") is not None:
        return "is a state of flexible shape"
    if array.WhichOneof("defaultOptionalValue") is not None:
        return "is a state with a default value"
    return None
