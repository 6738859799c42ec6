"""Everything that a conversion can be told, from flags or YAML files, in one frozen object.

`model` is the pydantic model, the single source of names, types and descriptions; `reading` makes
it from files and flags with located errors; `writing` makes YAML of it again.
"""

from __future__ import annotations

from converter.recipe.model import (
    LOSSES,
    MOST_SPARE,
    STARTS,
    Choice,
    Metadata,
    Objective,
    Range,
    Recipe,
    Start,
)

__all__ = [
    "LOSSES", "MOST_SPARE", "STARTS", "Choice", "Metadata", "Objective", "Range", "Recipe", "Start",
]  # fmt: skip
