"""Every setting of a conversion, with its type, limits, default and description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from converter.coreml.encoding import Precision
from converter.recipe.forms import Adjustable, Countable, Labels
from converter.recipe.mappings import Metadata, Strict
from converter.recipe.values import (
    Factor,
    Label,
    NewHead,
    Objective,
    Place,
    Positive,
    Scaling,
    Size,
    SpareCount,
    Text,
    Whole,
    YesOrName,
)  # fmt: skip

TOLERANCES: Mapping[Precision, float] = {"float32": 1e-4, "float16": 1e-2, "int8": 0.1}
"""Precision of the frozen weights -> largest difference from Keras that passes by default, relative
to the range of its output. With integers, of classes their probabilities are compared alone."""


class Settings(Strict):
    """What a conversion can be told. Pages, help and templates have it in this order."""

    model: Place = Field(
        description="The trained model: .h5, .keras, a SavedModel, TensorFlow.js, an export of "
        "Teachable Machine, a zip of one of these, or .json with weights."
    )
    weights: Place | None = Field(
        default=None,
        description="Weights in a file of their own (.weights.h5, .h5, a TensorFlow checkpoint), "
        "for a model in .json or instead of the model's own.",
    )
    output_path: Place | None = Field(
        default=None,
        description="Where to write the model, .mlmodel (default: <MODEL>Updatable.mlmodel).",
    )
    layers: tuple[Text, ...] = Field(
        default=(),
        min_length=1,
        description="Layers that learn: Keras names or globs (default: all dense that can).",
    )
    output: Text | None = Field(default=None, description="Which output, if the model has several.")
    signature: Text | None = Field(
        default=None,
        description="Which signature of a SavedModel that is read by its graph (default: "
        "serving_default, or the only one).",
    )
    input_shape: tuple[Positive, ...] | None = Field(
        default=None,
        min_length=1,
        description="Shape of the input where the model leaves it open, without the batch.",
    )
    allow_unsafe: bool = Field(
        default=False, description="Run Python code stored in the model file (Lambda layers)."
    )

    layout: Literal["auto", "network", "pipeline"] = Field(
        default="auto",
        description="One network, or a pipeline of what is frozen and what learns (default: auto, "
        "a network unless frozen_weights asks for a pipeline).",
    )
    frozen_weights: Precision = Field(
        default="float32",
        description="How weights that never change are stored; less than float32 makes a pipeline "
        "(default: float32).",
    )
    calibration: Place | None = Field(
        default=None,
        description="Samples (.npz, or images) on which to count the classes that change by "
        "frozen_weights; an .npz holds x, or of several inputs arrays named as these.",
    )

    loss: Objective | None = Field(
        default=None, description="What the device minimises (default: as compiled)."
    )
    optimizer: Literal["sgd", "adam"] | None = Field(
        default=None, description="How the device learns (default: as compiled, else Adam)."
    )
    learning_rate: Adjustable | None = Field(
        default=None, description="Step size (default: as compiled, else 0.001)."
    )
    momentum: Adjustable | None = Field(default=None, description="Momentum of SGD.")
    beta_1: Adjustable | None = Field(default=None, description="Decay of Adam's first moment.")
    beta_2: Adjustable | None = Field(default=None, description="Decay of Adam's second moment.")
    epsilon: Adjustable | None = Field(default=None, description="Adam's epsilon.")
    epochs: Countable | None = Field(
        default=None, description="Passes over the user's data (default: 10, any from 1 to 100)."
    )
    batch_size: Countable | None = Field(
        default=None, description="Samples per step (default: 32, many from 1 to 512)."
    )
    shuffle: bool = Field(
        default=True, description="Whether samples are shuffled between epochs (default: yes)."
    )
    seed: Whole | None = Field(
        default=None, description="Seed of the shuffling, and of a new head."
    )

    image: Literal["rgb", "bgr", "gray"] | None = Field(
        default=None,
        description="Take images instead of arrays, in this colour order; for a model with one "
        "input.",
    )
    scale: Scaling | None = Field(
        default=None,
        description="Factor on the pixels of an image input, or instead of a Lambda on the input; "
        "a number or such as 1/255.",
    )
    bias: tuple[Factor, ...] | None = Field(
        default=None,
        min_length=1,
        description="Added after scaling, one number or one per channel, red first.",
    )
    classes: Labels | None = Field(
        default=None,
        description="Make a classifier: its labels in order, or a file with one a line.",
    )
    new_head: NewHead = Field(
        default=None,
        description="Replace the last dense layer by a fresh one for `classes`: glorot (also: "
        "true), drawn by `seed`, or zeros.",
    )
    spare_classes: SpareCount | None = Field(
        default=None,
        description="Append as many outputs for classes to come; `classes` may name them, else "
        "they are spare-1, ….",
    )
    input_name: Text | None = Field(
        default=None,
        description="Name of the model's only input (default: image, else input); several keep "
        "those of Keras.",
    )
    output_name: Text | None = Field(
        default=None, description="Name of the output, or the probabilities."
    )
    label_name: Text = Field(
        default="classLabel",
        description="Name of a classifier's predicted class (default: classLabel).",
    )

    knn: YesOrName | None = Field(
        default=None,
        description="Learn by k nearest neighbors, which compare what this layer gives (default: "
        "what feeds the last dense layer).",
    )
    neighbors: Countable | None = Field(
        default=None, description="How many neighbors decide (default: 5, any from 1 to 1000)."
    )
    knn_weighting: Literal["uniform", "inverse_distance"] | None = Field(
        default=None, description="What the vote of a neighbor weighs (default: uniform)."
    )
    knn_index: Literal["linear", "kd_tree"] | None = Field(
        default=None, description="How neighbors are looked up (default: linear)."
    )
    knn_leaf_size: Size | None = Field(
        default=None, description="Samples in a leaf of the k-d tree (default: 30)."
    )
    default_label: Label | None = Field(
        default=None,
        description="What k-NN answers before it has samples (default: unknown, of numbers -1).",
    )
    knn_samples: Place | None = Field(
        default=None,
        description="Samples to begin with: an .npz file with x (of a model with several inputs "
        "arrays named as these) and y, or a folder with one folder of images per class.",
    )
    knn_scale: Scaling | None = Field(
        default=None, description="Factor on these samples, such as 1/255 for pixels."
    )

    metadata: Metadata = Field(default=Metadata(), description="What the file says about itself.")

    verify: bool = Field(
        default=True, description="Compare the written model with Keras (default: yes)."
    )
    tolerance: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Largest difference from Keras, relative to its output's range "
        f"(default: {TOLERANCES['float32']:g}; with frozen_weights float16 "
        f"{TOLERANCES['float16']:g}, int8 {TOLERANCES['int8']:g}).",
    )

    verify_update: bool = Field(
        default=False,
        description="Take an update step in both, too, and compare (default: no).",
    )
    on_device: bool = Field(
        default=False,
        description="Run one update in Core ML after converting; on a Mac only (default: no).",
    )
