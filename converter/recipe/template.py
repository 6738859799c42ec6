"""What is made from the recipe's pydantic model: a commented template, a JSON Schema."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from converter.recipe.model import Recipe, RecipeFile
from converter.recipe.writing import dump

EXAMPLES: dict[str, Any] = {
    "extends": "base.yaml",
    "output_path": "Model.mlmodel",
    "layers": ["dense_*"],
    "output": "scores",
    "input_shape": [224, 224, 3],
    "allow_unsafe": True,
    "layout": "pipeline",
    "frozen_weights": "float16",
    "calibration": "samples.npz",
    "loss": "categorical_crossentropy",
    "optimizer": "adam",
    "learning_rate": {"default": 0.001, "min": 0.0, "max": 0.1},
    "momentum": 0.9,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-7,
    "epochs": {"default": 10, "max": 50},
    "batch_size": {"default": 16, "allowed": [1, 8, 16, 32]},
    "shuffle": True,
    "seed": 1,
    "image": "rgb",
    "scale": "1/255",
    "bias": [0.0, 0.0, 0.0],
    "classes": ["cat", "dog"],
    "new_head": "glorot",
    "spare_classes": 2,
    "input_name": "image",
    "output_name": "classProbability",
    "label_name": "classLabel",
    "knn": "flatten",
    "neighbors": {"default": 3, "max": 20},
    "knn_weighting": "inverse_distance",
    "knn_index": "kd_tree",
    "knn_leaf_size": 30,
    "default_label": "unknown",
    "knn_samples": "examples/",
    "knn_scale": "1/255",
    "metadata": {"author": "You", "license": "MIT", "version": "1.0"},
    "verify": True,
    "tolerance": 1e-4,
    "verify_update": True,
    "on_device": True,
}
"""Setting -> how it is written in a recipe; what a template shows where nothing is known."""


def template(
    model: Path, folder: Path, values: Mapping[str, Any], remarks: Sequence[str] = ()
) -> str:
    """Return a recipe in `folder` for `model`: `values` are set, the rest is there as comments.

    A value that the recipe does not allow, such as an optimizer that Core ML lacks, is left out.
    """
    lines = ["# A recipe: make-updatable THIS_FILE. Paths are relative to this file."]
    lines += [f"# {remark}" for remark in remarks]
    known = {"model": Path(os.path.relpath(model, folder)).as_posix(), **values}
    for name, field in Recipe.model_fields.items():
        lines += ["", f"# {field.description}"]
        value = known.get(name)
        if value and _allowed(name, value):
            lines.append(dump({name: value}).rstrip())
        else:
            lines += [f"# {line}" for line in dump({name: EXAMPLES[name]}).splitlines()]
    return "\n".join(lines) + "\n"


def _allowed(name: str, value: Any) -> bool:
    try:
        Recipe.model_validate({"model": "m.h5", name: value})
    except ValueError:
        return False
    return True


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a recipe file (https://json-schema.org/draft/2020-12)."""
    schema = RecipeFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
