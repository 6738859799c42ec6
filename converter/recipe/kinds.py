"""What a setting may be, in words, from the JSON Schema of the recipe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml
from pydantic import BaseModel

from converter.recipe.mappings import Choice, Metadata, Range
from converter.recipe.model import RecipeFile
from converter.recipe.places import Dumper

NESTED: Mapping[str, type[BaseModel]] = {
    "learning_rate": Range, "epochs": Choice, "metadata": Metadata
}  # fmt: skip
"""Setting that may be a mapping -> what that may hold; others of its kind hold the same."""

SCALARS = {
    "boolean": "true or false", "integer": "whole number", "number": "number", "string": "text"
}  # fmt: skip

NOUN = re.compile(r"(text|number|path|quotient)\b")

LARGEST_SHOWN = 10_000
"""A limit above this is one of the format, and of no interest to a reader."""


@cache
def _properties(model: type[BaseModel]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = model.model_json_schema()["properties"]
    return found


def schema_of(name: str) -> Mapping[str, Any]:
    """Return the JSON Schema of a setting, such as ``epochs`` or ``epochs.max``."""
    outer, _, inner = name.partition(".")
    model = NESTED[outer] if inner else RecipeFile
    found: Mapping[str, Any] = _properties(model)[inner or outer]
    return found


def kind_of(schema: Mapping[str, Any]) -> str:
    """Return in words what a value has to be."""
    return listed(list(dict.fromkeys(_kinds(schema))))


def _kinds(schema: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in schema:
        yield from (f"`{as_yaml(value)}`" for value in schema["enum"])
    elif several := schema.get("anyOf") or schema.get("oneOf"):
        for each in several:
            yield from _kinds(each)
    elif "$ref" in schema or schema["type"] == "object":
        yield "mapping"
    elif schema["type"] == "array":
        yield "list of " + NOUN.sub(r"\1s", kind_of(schema["items"]))
    elif schema["type"] != "null":
        yield _scalar(schema)


def _scalar(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "path":
        return "path"
    if "/" in schema.get("pattern", ""):
        return "quotient"
    return SCALARS[schema["type"]] + _limits(schema)


def _limits(schema: Mapping[str, Any]) -> str:
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']}"
    lowest, most = schema.get("minimum"), schema.get("maximum")
    if lowest is None or lowest < 0:
        return ""
    return f" from {lowest:g}" + (f" to {most}" if most and most <= LARGEST_SHOWN else "")


def as_yaml(value: Any) -> str:
    """Return `value` as YAML writes it in one line."""
    text = yaml.dump([value], Dumper=Dumper, default_flow_style=True, sort_keys=False, width=1000)
    return text.strip()[2:]


def listed(names: list[str]) -> str:
    """Return the names as a sentence has them: one, two or three."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
