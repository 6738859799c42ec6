"""Kinds of values in a recipe that are stricter, or freer, than those of pydantic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from converter.coreml.optimizers import LARGEST_INTEGER
from converter.recipe import numbers


def _quotient(value: Any) -> Any:
    return numbers.number(value) if isinstance(value, str) and "/" in value else value


def _not_blank(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("is empty; give a path, or remove it")
    return value


def _scaling(value: float) -> float:
    if complaint := numbers.scaling_complaint(value):
        raise ValueError(f"{value:g} {complaint}")
    return value


def _yes_or_name(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and value.strip()):
        return value
    raise ValueError("must be true, or the name of a layer")


def _label(value: Any) -> Any:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_INTEGER:
        return value
    raise ValueError("must be a text or a whole number of 64 bits")


Text = Annotated[str, Field(pattern=r"\S")]
"""A text that is not empty."""

Place = Annotated[Path, BeforeValidator(_not_blank)]
"""A path that is not empty: pydantic takes an empty one for the working folder."""

Factor = Annotated[
    float,
    BeforeValidator(_quotient),
    WithJsonSchema(
        {"anyOf": [{"type": "number"}, {"type": "string", "pattern": numbers.FRACTION}]}
    ),
]
"""A number, also written as a quotient such as ``1/255``."""

Scaling = Annotated[Factor, AfterValidator(_scaling)]
"""A factor on data."""

YesOrName = Annotated[bool | str, BeforeValidator(_yes_or_name)]
"""Yes, or the name of what is meant."""

Label = Annotated[str | int, BeforeValidator(_label)]
"""The label of a class."""
