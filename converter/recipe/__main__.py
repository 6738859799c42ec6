"""Print the table of settings for the README: ``python -m converter.recipe``."""

from __future__ import annotations

from converter.recipe.template import reference

if __name__ == "__main__":
    print(reference())
