"""Kinds of values in a recipe that are stricter, or freer, than those of pydantic; their limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from converter.coreml.optimizers import LARGEST_INTEGER
from converter.recipe import numbers

Objective: TypeAlias = Literal[
    "categorical_crossentropy", "binary_crossentropy", "mean_squared_error"
]
"""What the device can be asked to minimise, by the names in Keras. Of a linear output, the first
takes as logits what it is given, the second a single number as a logit."""

LOSSES: tuple[Objective, ...] = get_args(Objective)

Start: TypeAlias = Literal["glorot", "zeros"]
"""What the kernel of a new head may start with: drawn by Glorot's rule, or zeros."""

STARTS: tuple[Start, ...] = get_args(Start)

MOST_VALUES = 10_000
"""Values of a whole number that an app may choose from; each is listed in the file."""

LARGEST_SIZE = 2**31 - 1
"""Values of an input; TensorFlow counts in 32 bits."""

MOST_SPARE = 1_000
"""Outputs that can be kept for classes to come."""


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


def _start(value: Any) -> Any:
    """Return what a new head starts with if it is only said that there shall be one, or none."""
    return {True: "glorot", False: None}[value] if isinstance(value, bool) else value


Text = Annotated[str, Field(pattern=r"\S")]
"""A text that is not empty."""

Place = Annotated[Path, BeforeValidator(_not_blank)]
"""A path that is not empty: pydantic takes an empty one for the working folder."""

Whole = Annotated[int, Field(ge=-LARGEST_INTEGER - 1, le=LARGEST_INTEGER)]
Positive = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
Count = Annotated[int, Field(ge=1, le=MOST_VALUES)]
Size = Annotated[int, Field(ge=1, le=LARGEST_SIZE)]
SpareCount = Annotated[int, Field(ge=1, le=MOST_SPARE)]

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

NewHead = Annotated[
    Start | None,
    BeforeValidator(_start),
    WithJsonSchema({"enum": [*STARTS, True, False]}),
]
"""What a new head starts with; ``true`` is the usual, ``false`` none."""
