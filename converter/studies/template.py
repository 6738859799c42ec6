"""What is made from the study's pydantic model: a commented template, and a JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from converter.coreml.inspection import inspect
from converter.coreml.mlmodel import Message
from converter.recipe.messages import model_in
from converter.recipe.writing import dump
from converter.studies.model import Study
from converter.studies.reading import relative

EXAMPLES: dict[str, Any] = {
    "models": ["Model.mlmodel"],
    "users": {
        "data": "users/",
        "simulated": {
            "data": "mnist",
            "count": 200,
            "seed": 0,
            "shifts": {
                "label_subset": 5, "label_skew": 1.0, "scale": 1.2, "rotation": 20,
                "translation": 3, "contrast": 1.5, "brightness": 0.2, "inversion": 0.1,
                "noise": 0.1,
            },
        },
    },
    "layout": "auto",
    "scale": "1/255",
    "settings": {
        "learning_rate": [0.001, 0.003, 0.01],
        "momentum": [0.0, 0.9],
        "epochs": [1, 5, 10],
        "batch_size": [8, 16],
        "layers": [["dense_2"], ["dense_1", "dense_2"]],
    },
    "samples": [5, 10, 20, 50],
    "test_samples": 20,
    "common": "test.npz",
    "common_samples": 500,
    "seeds": [0, 1, 2],
    "goal": {"gain": 0.02, "worse": 0.1, "forgetting": 0.05, "samples": 20},
    "results": "study.results",
}  # fmt: skip
"""Setting -> how it is written in a study; what a template shows."""

SET = {"models", "users", "users.data", "settings", "settings.learning_rate", "settings.epochs",
       "samples", "seeds"}  # fmt: skip
"""What a template sets; the rest is there as comments."""


def template(model: Path, folder: Path, values: Mapping[str, Any]) -> str:
    """Return a study in `folder` of `model`; `values` are those of the settings that it has."""
    known = {**EXAMPLES, "models": [relative(model, folder)]}
    known["settings"] = {**EXAMPLES["settings"], **values}
    lines = ["# A study: make-updatable study THIS_FILE. Paths are relative to this file."]
    lines += _lines(Study, known, "")
    return "\n".join(lines) + "\n"


def _lines(
    model: type[BaseModel], values: Mapping[str, Any], prefix: str, everything: bool = False
) -> Iterator[str]:
    """Yield the lines of the settings of `model`: a comment on each, and its value.

    Unless `everything` is, only what is in `SET` is set; other values are comments.
    """
    indent = "  " * prefix.count(".")
    for name, field in model.model_fields.items():
        if not prefix:
            yield ""
        yield f"{indent}# {field.description}"
        is_set = everything or f"{prefix}{name}" in SET
        inner = model_in(field.annotation)
        if inner is None:
            lines = [f"{indent}{line}" for line in dump({name: values[name]}).splitlines()]
        else:
            below = _lines(inner, values[name], f"{prefix}{name}.", everything or not is_set)
            lines = [f"{indent}{name}:", *below]
        yield from lines if is_set else (f"{indent}# {line[len(indent) :]}" for line in lines)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a study (https://json-schema.org/draft/2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Study.model_json_schema()}


def tried(model: Message) -> dict[str, Any]:
    """Return what to try of `model`: its own rate and epochs, and others around them."""
    update = inspect(model).update
    told = {name: number.default for name, number in (update.parameters if update else {}).items()}
    rate, epochs = told.get("learning_rate", 0.001), told.get("epochs", 10)
    return {
        "learning_rate": [float(f"{rate * factor:.2g}") for factor in (0.3, 1, 3)],
        "epochs": sorted({1, max(1, round(epochs / 2)), max(1, round(epochs))}),
    }
