"""How the nearest neighbours are looked up and counted, and of which type the labels are."""

from __future__ import annotations

from dataclasses import dataclass

from converter.coreml.interface import Labels
from converter.errors import UsageError
from converter.recipe import Choice, Recipe

DEFAULT_NEIGHBORS = 5
MOST_NEIGHBORS = 1000
"""What coremltools' builder sets: 5 neighbours, of which an app may make any from 1 to 1000."""

DEFAULT_LEAF_SIZE = 30
"""Samples in a leaf of a k-d tree, as in coremltools' builder."""

NO_TEXT, NO_NUMBER = "unknown", -1
"""What a classifier without samples answers, by the type of its labels."""


@dataclass(frozen=True)
class Settings:
    """How a k-nearest-neighbours classifier decides.

    `choices` are the numbers of neighbours that an app may choose: all of a range, or one of some.
    """

    neighbors: int
    choices: range | tuple[int, ...]
    index: str
    leaf_size: int
    weighting: str


def settings(recipe: Recipe) -> Settings:
    """Return what `recipe` says of the neighbours, and what is usual where it says nothing.

    Raises:
        UsageError: the number of neighbours is none of those that the app may choose.
    """
    chosen, allowed = _neighbors(recipe.neighbors)
    return Settings(
        chosen,
        allowed,
        recipe.knn_index or "linear",
        recipe.knn_leaf_size or DEFAULT_LEAF_SIZE,
        recipe.knn_weighting or "uniform",
    )


def _neighbors(asked: int | Choice | None) -> tuple[int, range | tuple[int, ...]]:
    if not isinstance(asked, Choice):
        chosen = asked or DEFAULT_NEIGHBORS
        return chosen, range(1, max(MOST_NEIGHBORS, chosen) + 1)
    if asked.allowed:
        allowed = tuple(sorted(set(asked.allowed)))
        usual = DEFAULT_NEIGHBORS if DEFAULT_NEIGHBORS in allowed else allowed[0]
        return asked.default or usual, allowed
    highest = asked.max or max(MOST_NEIGHBORS, asked.min, asked.default or 1)
    chosen = asked.default or min(max(DEFAULT_NEIGHBORS, asked.min), highest)
    if chosen < asked.min:
        raise UsageError(f"neighbors {chosen} is not in {asked.min} … {highest}")
    return chosen, range(asked.min, highest + 1)


def default_label(recipe: Recipe, labels: Labels | None) -> str | int:
    """Return what the classifier answers without samples; it has the type of the `labels`."""
    if recipe.default_label is not None:
        return recipe.default_label
    is_numbers = labels is not None and isinstance(labels[0], int)
    return NO_NUMBER if is_numbers else NO_TEXT
