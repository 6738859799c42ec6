"""Settings that can be given in two forms: a number or a mapping, a list of labels or a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Discriminator, Tag

from converter.coreml.optimizers import LARGEST_INTEGER
from converter.recipe.mappings import Choice, Range
from converter.recipe.values import Place, Positive

TAGS = ("number", "range", "choice", "file", "labels")
"""Parts of pydantic's error locations that are not keys of the recipe."""


def _number_or_range(value: Any) -> str:
    return "range" if isinstance(value, (Mapping, Range)) else "number"


def _number_or_choice(value: Any) -> str:
    return "choice" if isinstance(value, (Mapping, Choice)) else "number"


def _file_or_labels(value: Any) -> str:
    return "labels" if isinstance(value, (list, tuple)) else "file"


def _one_kind(value: Any) -> Any:
    """Refuse labels of which some are texts and some are numbers."""
    if isinstance(value, (list, tuple)):
        if not value:
            raise ValueError("holds no label; name at least two")
        if not all(str(label).strip() for label in value):
            raise ValueError("holds an empty label; give every class a name")
        kinds = {type(label) for label in value}
        odd = next((v for v in value if isinstance(v, bool) or not isinstance(v, (str, int))), None)
        if odd is not None:
            text = str(odd).lower() if isinstance(odd, bool) else str(odd)
            raise ValueError(f"{text} is not a label; put texts in quotes")
        if any(isinstance(label, int) and abs(label) > LARGEST_INTEGER for label in value):
            raise ValueError("a label has more than 64 bits; put the numbers in quotes")
        if len(kinds) > 1:
            raise ValueError("some labels are texts, some numbers; put the numbers in quotes")
        return tuple(value)
    return value


Adjustable: TypeAlias = Annotated[
    Annotated[float, Tag("number")] | Annotated[Range, Tag("range")],
    Discriminator(_number_or_range),
]
"""A number, or its default with the range that the app may choose from."""

Countable: TypeAlias = Annotated[
    Annotated[Positive, Tag("number")] | Annotated[Choice, Tag("choice")],
    Discriminator(_number_or_choice),
]
"""A whole number, or its default with the values that the app may choose from."""

Labels: TypeAlias = Annotated[
    Annotated[Place, Tag("file")]
    | Annotated[tuple[str, ...] | tuple[int, ...], BeforeValidator(_one_kind), Tag("labels")],
    Discriminator(_file_or_labels),
]
