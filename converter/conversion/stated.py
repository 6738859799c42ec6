"""What an export states beside its model, for the settings that nobody gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converter.errors import UsageError
from converter.keras_file import Stated
from converter.loading import LoadedModel
from converter.recipe import Recipe


def stated_settings(loaded: LoadedModel, recipe: Recipe) -> dict[str, Any]:
    """Return the settings that lie beside the model `loaded` and that `recipe` leaves open.

    A scale and a bias belong together, so that one of them given leaves none open. Layers and
    classes are left to k-NN and, where they are new, to what makes them.
    """
    stated, found = loaded.stated, dict[str, Any]()
    if stated is None:
        return found
    if recipe.image is None and stated.image is not None:
        found["image"] = stated.image
    if recipe.scale is None and recipe.bias is None and stated.scale is not None:
        found |= {"scale": stated.scale, "bias": (stated.bias or 0.0,)}
    if recipe.knn:
        return found
    if recipe.classes is None and stated.labels and not _problem(stated, loaded.model.outputs):
        found["classes"] = stated.labels
    has_new_classes = recipe.new_head is not None or recipe.spare_classes is not None
    if not recipe.layers and stated.head and not has_new_classes:
        found["layers"] = stated.head
    return found


def check_labels(loaded: LoadedModel, recipe: Recipe) -> None:
    """Check that the labels beside the model `loaded` can be taken, if `recipe` names none.

    Raises:
        UsageError: they are damaged, not told apart, or not as many as the model gives.
    """
    if loaded.stated is None or recipe.classes is not None or recipe.knn:
        return
    if problem := _problem(loaded.stated, loaded.model.outputs):
        raise UsageError(f"{recipe.model}: {problem}; name the classes: --classes a,b")


def _problem(stated: Stated, outputs: Sequence[Any]) -> str:
    """Return why the labels that are `stated` cannot be those of a model with these `outputs`."""
    labels = stated.labels
    if stated.problem or not labels:
        return stated.problem
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        return f"its {stated.source} names the class '{twice}' twice, which no app can tell apart"
    if len(outputs) != 1 or outputs[0].shape[-1] != len(labels):
        counts = ", ".join(str(output.shape[-1]) for output in outputs)
        return f"its {stated.source} names {len(labels)} classes, but the model gives {counts}"
    return ""


def stated_notes(
    stated: Stated | None, taken: Mapping[str, Any], recipe: Recipe
) -> tuple[str, ...]:
    """Return what to know of what is `stated`: what was `taken` of it to complete `recipe`."""
    if stated is None:
        return ()
    said = [stated.note] if stated.note else []
    if stated.hint and recipe.classes is None and not recipe.knn:
        said.append(stated.hint)
    if taken:
        listed = "; ".join(f"{name} {_text(value)}" for name, value in taken.items())
        said.append(f"stated by the export, and by nothing else: {listed}")
    return tuple(said)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.9g}"
    return value if isinstance(value, str) else ", ".join(map(_text, value))
