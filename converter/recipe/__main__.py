"""Print the tables of settings in `docs/recipes.md`: ``python -m converter.recipe``."""

from __future__ import annotations

from converter.recipe.reference import nested, reference

if __name__ == "__main__":
    print(reference(), nested(), sep="\n\n")
