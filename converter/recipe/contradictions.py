"""What cannot work though each value is of the right kind: numbers, and settings side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator

from converter.coreml.optimizers import BY_NAME, NUMBERS
from converter.files.paths import MODEL_ENDING
from converter.recipe.mappings import Range
from converter.recipe.model import Recipe
from converter.recipe.values import LARGEST_SIZE

KNN_ONLY = (
    "neighbors", "knn_weighting", "knn_index", "knn_leaf_size", "default_label", "knn_samples",
    "knn_scale",
)  # fmt: skip
"""Settings that only k-NN has."""

GRADIENT_ONLY = (
    "layers", "loss", "optimizer", *NUMBERS, "epochs", "batch_size", "shuffle", "seed",
    "verify_update", "calibration", "new_head", "spare_classes",
)  # fmt: skip
"""Settings that only learning by a loss has."""


def unusable(recipe: Recipe) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield (key, what is wrong) for numbers with which nothing can work."""
    if math.prod(recipe.input_shape or ()) > LARGEST_SIZE:
        yield ("input_shape",), "has more values than any memory holds"
    for name, number in NUMBERS.items():
        value = getattr(recipe, name)
        where: tuple[str, ...] = (name,)
        if isinstance(value, Range):
            value, where = value.default, (name, "default")
        wrong = None if value is None else number.complaint(value)
        if wrong:
            yield where, f"{value:g} {wrong}"


def contradictions(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong) for settings that cannot stand side by side in any model."""
    own = BY_NAME[recipe.optimizer].defaults if recipe.optimizer else NUMBERS
    for key in NUMBERS:
        value = getattr(recipe, key)
        if value is not None and key not in own:
            yield key, f"is not a number of the optimizer {recipe.optimizer}; remove it"
    if "label_name" in recipe.model_fields_set and recipe.classes is None and not recipe.knn:
        yield "label_name", "has no effect without classes; add classes, or remove it"
    yield from _about_new_classes(recipe)
    if recipe.layout == "network" and recipe.frozen_weights != "float32":
        yield (
            "frozen_weights",
            (
                f"{recipe.frozen_weights} weights are for a pipeline, and layout asks for one "
                "network; remove one of them"
            ),
        )
    if recipe.calibration is not None and recipe.frozen_weights == "float32":
        yield "calibration", "has no effect without frozen_weights float16 or int8; remove it"
    yield from _apart_from_neighbors(recipe)
    for key in ("verify_update", "tolerance", "calibration"):
        if not recipe.verify and key in recipe.model_fields_set and getattr(recipe, key):
            yield key, "has no effect, because verify is off; remove one of them"
    if recipe.output_path is not None and recipe.output_path.suffix not in MODEL_ENDING:
        yield "output_path", "does not end in .mlmodel; give it that ending"


def _about_new_classes(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong) for a new head or spare classes beside other settings."""
    given = [key for key in ("new_head", "spare_classes") if getattr(recipe, key) is not None]
    if len(given) == 2:
        yield "spare_classes", "has no place beside new_head, whose classes are all new"
    for key in given:
        if recipe.classes is None:
            yield key, "needs classes: name the labels"
        if recipe.loss not in (None, "categorical_crossentropy"):
            yield (
                "loss",
                f"has no place beside {key}, which makes classes that exclude "
                "each other; remove it",
            )


def _apart_from_neighbors(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield settings of k-NN without it, and those of other learning beside it."""
    for key in () if recipe.knn else KNN_ONLY:
        if getattr(recipe, key) is not None:
            yield key, "has no effect without knn; add knn, or remove it"
    for key in GRADIENT_ONLY if recipe.knn else ():
        if key in recipe.model_fields_set and getattr(recipe, key) not in (None, ()):
            yield key, "has no effect with knn, which learns by keeping samples; remove one"
    if recipe.knn and recipe.layout == "network":
        yield "layout", "has to be a pipeline with knn: the network, and then the neighbors"
    if recipe.knn and recipe.knn_leaf_size and recipe.knn_index != "kd_tree":
        yield "knn_leaf_size", "has no effect without the k-d tree; say knn_index kd_tree"
    if recipe.knn and recipe.knn_scale and recipe.knn_samples is None:
        yield "knn_scale", "has no effect without knn_samples; add them, or remove it"
