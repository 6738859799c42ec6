"""The answer of a study as JSON and CSV, and as a recipe."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converter.errors import UsageError
from converter.files.writing import write_bytes
from converter.recipe import Choice, Range, Recipe
from converter.recipe.writing import dump
from converter.studies.answer import Answer
from converter.studies.figures import Estimate, Row

NEXT = 3
"""Settings after the best that are told of."""


def row_of(answer: Answer, row: Row) -> dict[str, Any]:
    """Return the figures of a setting by name, in one level."""
    trial, found = row.trial, dict[str, Any]()
    found["model"] = answer.models[trial.model].name
    for name in ("learning_rate", "momentum", "batch_size", "epochs"):
        found[name] = getattr(trial, name)
    found["samples"] = row.samples
    estimates = {f"gain_{p}": estimate for p, estimate in row.gain.items()}
    estimates |= {"worse": row.worse, "forgetting": row.forgetting or Estimate(float("nan"), None)}
    for name, estimate in estimates.items():
        has_value = estimate.mean == estimate.mean
        found[name] = estimate.mean if has_value else None
        found[f"{name}_half_interval"] = estimate.half if has_value else None
    found["diverged"] = row.diverged
    found["misses"] = " ".join(row.misses(answer.study.goal))
    found["needs_recipe_for"] = ", ".join(trial.needs)
    return found


def as_json(answer: Answer) -> dict[str, Any]:
    """Return the whole answer as plain data."""
    best = row_of(answer, answer.best)
    return {
        "study": answer.study.model_dump(mode="json"),
        "users": answer.users,
        "gain": "accuracy after less accuracy before" if answer.is_class
        else "the part by which the loss became less",
        "interval": "95 %, Student's t over seeds",
        "goal_reached": answer.is_reached,
        "recommended": best if answer.is_reached else None,
        "nearest": None if answer.is_reached else best,
        "next": [row_of(answer, row) for row in answer.ranked[1 : NEXT + 1]],
        "helps_from_samples": answer.helps_from,
        "rows": [row_of(answer, row) for row in answer.rows],
        "notes": list(answer.notes),
    }  # fmt: skip


def write(answer: Answer, target: Path) -> None:
    """Write the answer to `target`, as JSON or as CSV with a line for each row, by its ending.

    Raises:
        OutputError: the file cannot be written.
    """
    if target.suffix == ".json":
        text = json.dumps(as_json(answer), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        table = io.StringIO()
        rows = [row_of(answer, row) for row in answer.rows]
        writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        text = table.getvalue()
    write_bytes(target, os.fsencode(text))


def write_recipe(answer: Answer, target: Path) -> None:
    """Write a recipe by which the model is converted so that it learns as the best setting does.

    What was tried has that setting's value as its default; an app may choose the values with which
    the goal is still reached. The rest is as the model was converted.

    Raises:
        UsageError: no setting reaches the goal, or nothing tells how the model was converted.
        OutputError: the file cannot be written.
    """
    if not answer.is_reached:
        raise UsageError(
            "--write-recipe: no setting reaches the goal; change the goal, or try others"
        )
    recipe = answer.models[answer.best.trial.model].recipe
    if recipe is None:
        raise UsageError(without_recipe(answer.models[answer.best.trial.model].name))
    changed = recipe.model_copy(update=_learning(answer))
    data = changed.model_dump(mode="json", exclude_defaults=True, exclude={"output_path"})
    for key in ("model", "classes"):
        if isinstance(getattr(recipe, key), Path):
            data[key] = _from(recipe, key, target.parent)
    text = "# Default and allowed values of what learns are those of a study.\n" + dump(data)
    write_bytes(target, text.encode())


def without_recipe(name: str) -> str:
    """Return what is said of a model of which nothing tells how it was converted."""
    return (
        f"--write-recipe: {name} carries no recipe; it was not converted by make-updatable; name "
        "its recipe or Keras file instead"
    )


def _from(recipe: Recipe, key: str, folder: Path) -> str:
    """Return the path `key` of the recipe as a recipe in `folder` has it.

    What a `.mlmodel` carries is the bare name: it cannot tell where the file was.
    """
    path = Path(getattr(recipe, key))
    if not path.exists():
        return recipe.written_path(key)
    return Path(os.path.relpath(path, folder)).as_posix()


def _learning(answer: Answer) -> Mapping[str, Range | Choice | float | int]:
    """Return what was tried as a recipe has it."""
    tried, best = answer.study.settings, answer.best.trial
    found = dict[str, Range | Choice | float | int]()
    for name in ("learning_rate", "momentum"):
        if getattr(tried, name) is not None:
            found[name] = _range(getattr(best, name), answer.allowed(name))
    for name in ("epochs", "batch_size"):
        if getattr(tried, name) is not None:
            values = [int(value) for value in answer.allowed(name)]
            found[name] = Choice(default=getattr(best, name), allowed=tuple(values))
    return found


def _range(default: float, values: list[float]) -> Range | float:
    """Return the range of `values`; of a single one from 0 on, as less of it changes less."""
    low, high = (values[0], values[-1]) if len(values) > 1 else (0.0, default)
    return Range(default=default, min=low, max=high) if low < high else default
