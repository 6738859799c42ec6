"""A field holds a value that the format does not name.

What: a number in a field of the parameters that lists its values by name, such as the kind of
a pooling, when none of the names has that number.
Why: Apple's validator lets most of them pass. What Core ML computes then is not known; a newer
format would come with a higher specification version.
Fix: set one of the values of the format.
Source: the `.proto` files of the format. Of ML Programs only the interface is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from converter.coreml.mlmodel import Message
from converter.validation.finding import Finding, Rule
from converter.validation.view import View

RULE = Rule("O228", "unknown-value", "error", "ours")

_ELSEWHERE = ("NeuralNetworkLayer", "Model", "Program")
"""Layers and members of pipelines are walked through one by one, ML Programs not at all."""


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each value without a name in the parameters of a model or a layer."""
    if model.kind is None or model.kind == "mlProgram":
        return
    places = [("", model.params)]
    places += [(site.name, site.params) for site in model.flow.sites if site.params is not None]
    for layer, params in places:
        for name, value in _unknown(params):
            message = f"{name} is {value}, which the format does not know"
            yield RULE.found(message, "set one of the values of the format", layer)


def _unknown(message: Message) -> Iterator[tuple[str, int]]:
    """Yield field and number of each value without a name in `message` and its parts."""
    leading = _leading_to_values(message.DESCRIPTOR)
    if not leading:
        return
    for field, value in message.ListFields():
        if field.name not in leading:
            continue
        several = not isinstance(value, int) and not hasattr(value, "ListFields")
        for item in value if several else [value]:
            if field.enum_type is None:
                yield from _unknown(item)
            elif item not in field.enum_type.values_by_number:
                yield field.name, item


@cache
def _leading_to_values(descriptor: Any) -> frozenset[str]:
    """Return the fields of a message that are of named values, or lead to such."""
    return frozenset(f.name for f in descriptor.fields if _leads(f, frozenset()))


def _leads(field: Any, seen: frozenset[str]) -> bool:
    kind = field.message_type
    if kind is None or kind.name in (*_ELSEWHERE, *seen):
        return field.enum_type is not None
    return any(_leads(inner, seen | {kind.name}) for inner in kind.fields)
