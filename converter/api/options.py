"""What `convert` can be told, by name and type, and as a YAML file would hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from converter.recipe import Choice, Metadata, Objective, Range

if TYPE_CHECKING:
    from converter.coreml.encoding import Precision


class Options(TypedDict, total=False):
    """What `convert` can be told: the settings of a recipe (see `converter.recipe.Recipe`)."""

    weights: str | Path
    layers: Sequence[str]
    output: str
    signature: str
    input_shape: tuple[int, ...]
    allow_unsafe: bool
    layout: Literal["auto", "network", "pipeline"]
    frozen_weights: Precision
    calibration: str | Path
    loss: Objective
    optimizer: Literal["sgd", "adam"]
    learning_rate: float | Range
    momentum: float | Range
    beta_1: float | Range
    beta_2: float | Range
    epsilon: float | Range
    epochs: int | Choice
    batch_size: int | Choice
    shuffle: bool
    seed: int
    image: Literal["rgb", "bgr", "gray"]
    scale: float
    bias: tuple[float, ...]
    classes: Sequence[str] | Sequence[int] | Path
    new_head: bool | Literal["glorot", "zeros"]
    spare_classes: int
    input_name: str
    output_name: str
    label_name: str
    knn: bool | str
    neighbors: int | Choice
    knn_weighting: Literal["uniform", "inverse_distance"]
    knn_index: Literal["linear", "kd_tree"]
    knn_leaf_size: int
    default_label: str | int
    knn_samples: Path
    knn_scale: float
    metadata: Metadata
    verify: bool
    tolerance: float
    verify_update: bool


def as_in_yaml(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` as a YAML file would hold them."""
    return {
        key: value.model_dump(exclude_unset=True)
        if isinstance(value, (Range, Choice, Metadata))
        else value
        for key, value in options.items()
        if value is not None
    }
