"""A recipe as YAML: the text that a converted model carries, the same for equal recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from converter.recipe.model import Recipe
from converter.recipe.places import Dumper


def text(recipe: Recipe) -> str:
    """Return `recipe` as YAML, with what differs from the defaults.

    It names no folder of this machine (see `Recipe.written_path`) and not where the result went,
    so that the same recipe makes the same text everywhere.
    """
    data = recipe.model_dump(mode="json", exclude_defaults=True, exclude={"output_path"})
    for key in ("model", "weights", "classes", "calibration", "knn_samples"):
        if isinstance(getattr(recipe, key), Path):
            data[key] = recipe.written_path(key)
    return dump(data)


def dump(data: Any, as_is: bool = True) -> str:
    """Return plain data as YAML, keys in their own order, lists of plain values in one line.

    Unless `as_is`, characters that are not ASCII are written as escapes.
    """
    return yaml.dump(
        data, Dumper=Dumper, sort_keys=False, allow_unicode=as_is, width=100,
        default_flow_style=None,
    )  # fmt: skip
