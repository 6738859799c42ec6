"""The table of all settings, as `docs/recipes.md` shows it: ``python -m converter.recipe``."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from converter.recipe.kinds import NESTED, as_yaml, kind_of, schema_of
from converter.recipe.model import RecipeFile
from converter.recipe.template import EXAMPLES
from converter.recipe.together import exclusions, needs

NESTED_EXAMPLES = {
    "learning_rate": {"default": 0.001, "min": 0.0, "max": 0.1},
    "epochs": {"default": 10, "allowed": [1, 5, 10], "min": 1, "max": 50},
    "metadata": EXAMPLES["metadata"]
    | {
        "description": "Tells cats from dogs.",
        "features": {"image": "A photograph."},
        "user_defined": {"key": "text"},
    },
}

DEFAULT = re.compile(r" \(default: (.*)\)\.$")
"""Where a description tells what is taken if a setting is absent."""


def reference() -> str:
    """Return the table of all settings in Markdown."""
    apart, needed = exclusions(), needs()
    rows = ["| setting | type | default | such as | what |", "|---|---|---|---|---|"]
    for name, field in RecipeFile.model_fields.items():
        more = [f"Needs {' and '.join(needed[name])}."] if name in needed else []
        more += apart.get(name, [])
        rows.append(_row(name, field, EXAMPLES.get(name, "lenet.h5"), more))
    return "\n".join(rows)


def nested() -> str:
    """Return the table of what the mappings among the settings may hold."""
    rows = ["| setting | type | default | such as | what |", "|---|---|---|---|---|"]
    for outer, model in NESTED.items():
        for name, field in model.model_fields.items():
            rows.append(_row(f"{outer}.{name}", field, NESTED_EXAMPLES[outer][name], []))
    return "\n".join(rows)


def _row(name: str, field: FieldInfo, example: Any, more: list[str]) -> str:
    text, told = field.description or "", DEFAULT.search(field.description or "")
    if told:
        text = text[: told.start()] + "."
    cells = (
        f"`{name}`", kind_of(schema_of(name)), told[1] if told else _default(field),
        f"`{as_yaml(example)}`", " ".join([text, *more]),
    )  # fmt: skip
    return f"| {' | '.join(cell.replace('<', '&lt;') for cell in cells)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, bool):
        return "yes" if field.default else "no"
    if field.default in (None, (), {}) or isinstance(field.default, BaseModel):
        return ""
    return f"`{as_yaml(field.default)}`"
