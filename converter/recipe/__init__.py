"""Everything that a conversion can be told, from flags or YAML files, in one frozen object.

`settings` is the single source of names, types and descriptions, as fields of pydantic; `model` is
all of them as one object, and `contradictions` tells which cannot stand side by side. `reading`
makes it from files and flags with located errors; `writing` makes YAML of it again.
"""

from __future__ import annotations

from converter.recipe.mappings import Choice, Metadata, Range
from converter.recipe.model import Recipe
from converter.recipe.values import LOSSES, MOST_SPARE, STARTS, Objective, Start

__all__ = [
    "LOSSES", "MOST_SPARE", "STARTS", "Choice", "Metadata", "Objective", "Range", "Recipe", "Start",
]  # fmt: skip
