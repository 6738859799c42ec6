"""The recipe: names, types, limits and descriptions of everything a conversion can be told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from converter.coreml.encoding import Precision
from converter.coreml.interface import OWN_KEYS
from converter.coreml.optimizers import BY_NAME, LARGEST_INTEGER, NUMBERS
from converter.paths import MODEL_ENDING, Input, stem
from converter.recipe.values import Factor, Label, Place, Scaling, Text, YesOrName

Objective: TypeAlias = Literal[
    "categorical_crossentropy", "binary_crossentropy", "mean_squared_error"
]
"""What the device can be asked to minimise, by the names in Keras. Of a linear output, the first
takes as logits what it is given, the second a single number as a logit."""

LOSSES: tuple[Objective, ...] = get_args(Objective)

Start: TypeAlias = Literal["glorot", "zeros"]
"""What the kernel of a new head may start with: drawn by Glorot's rule, or zeros."""

STARTS: tuple[Start, ...] = get_args(Start)

MOST_VALUES = 10_000
"""Values of a whole number that an app may choose from; each is listed in the file."""

LARGEST_SIZE = 2**31 - 1
"""Values of an input; TensorFlow counts in 32 bits."""

MOST_SPARE = 1_000
"""Outputs that can be kept for classes to come."""

TOLERANCES: Mapping[Precision, float] = {"float32": 1e-4, "float16": 1e-2, "int8": 0.1}
"""Precision of the frozen weights -> largest difference from Keras that passes by default, relative
to the range of its output. With integers, of classes their probabilities are compared alone."""

Whole = Annotated[int, Field(ge=-LARGEST_INTEGER - 1, le=LARGEST_INTEGER)]
Positive = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
Count = Annotated[int, Field(ge=1, le=MOST_VALUES)]
Size = Annotated[int, Field(ge=1, le=LARGEST_SIZE)]
SpareCount = Annotated[int, Field(ge=1, le=MOST_SPARE)]


def _start(value: Any) -> Any:
    """Return what a new head starts with if it is only said that there shall be one, or none."""
    return {True: "glorot", False: None}[value] if isinstance(value, bool) else value


NewHead = Annotated[
    Start | None,
    BeforeValidator(_start),
    WithJsonSchema({"enum": [*STARTS, True, False]}),
]
"""What a new head starts with; ``true`` is the usual, ``false`` none."""


class Strict(BaseModel):
    """A mapping of known keys, of which nothing changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def misplaced(key: str, message: str) -> PydanticCustomError:
    """Return an error that belongs to `key` of a mapping, though the whole mapping is known."""
    return PydanticCustomError("inside", "{message}", {"message": message, "key": key})


class Range(Strict):
    """A number that the app may change between `min` and `max`, both included."""

    default: float | None = Field(
        default=None, description="The value unless the app chooses another."
    )
    min: Annotated[float, Field(ge=0)] = Field(default=0.0, description="The smallest value.")
    max: float = Field(default=1.0, description="The largest value.")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.min >= self.max:
            raise misplaced("min", f"{self.min:g} is not less than max, {self.max:g}")
        if self.default is not None and not self.min <= self.default <= self.max:
            raise misplaced("default", f"{self.default:g} is not in {self.min:g} … {self.max:g}")
        return self


class Choice(Strict):
    """A whole number that the app may change to any of `allowed`, or from `min` to `max`."""

    default: Positive | None = Field(
        default=None, description="The value unless the app chooses another."
    )
    allowed: tuple[Positive, ...] = Field(
        default=(), min_length=1, description="The values, in any order."
    )
    min: Count = Field(default=1, description="The smallest value, if `max` is given.")
    max: Count | None = Field(default=None, description="The largest value, instead of `allowed`.")

    @property
    def values(self) -> tuple[int, ...]:
        """All values that the app may choose; none if that is left open."""
        return self.allowed or (tuple(range(self.min, self.max + 1)) if self.max else ())

    @model_validator(mode="after")
    def _consistent(self) -> Choice:
        if self.allowed and self.max:
            raise misplaced("max", "is given beside allowed; keep one of them")
        if self.max and self.min > self.max:
            raise misplaced("min", f"{self.min} is more than max, {self.max}")
        if self.default and self.values and self.default not in self.values:
            text = f"{self.min} … {self.max}" if self.max else _listed(self.allowed)
            raise misplaced("default", f"{self.default} is not in {text}")
        return self


def _listed(values: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, values[:12]))
    return shown if len(values) <= 12 else f"{shown}, …"


class Metadata(Strict):
    """What the model file says about itself; Xcode shows it."""

    author: str | None = Field(default=None, description="Who made the model.")
    license: str | None = Field(default=None, description="Under which terms it may be used.")
    version: str | None = Field(default=None, description="Version of the model, in quotes: '1.0'.")
    description: str | None = Field(default=None, description="What the model does, in a sentence.")
    features: dict[str, str] = Field(
        default={}, description="Name of an input, output or training input: what it means."
    )
    user_defined: dict[str, str] = Field(default={}, description="Any other pairs of key and text.")

    @model_validator(mode="after")
    def _foreign(self) -> Metadata:
        for key in self.user_defined:
            if key.startswith(OWN_KEYS):
                raise misplaced("user_defined", f"'{key}' is a key that this tool writes itself")
        return self


def _number_or_range(value: Any) -> str:
    return "range" if isinstance(value, (Mapping, Range)) else "number"


def _number_or_choice(value: Any) -> str:
    return "choice" if isinstance(value, (Mapping, Choice)) else "number"


def _file_or_labels(value: Any) -> str:
    return "labels" if isinstance(value, (list, tuple)) else "file"


def _one_kind(value: Any) -> Any:
    """Refuse labels of which some are texts and some are numbers."""
    if isinstance(value, (list, tuple)):
        if not value:
            raise ValueError("holds no label; name at least two")
        if not all(str(label).strip() for label in value):
            raise ValueError("holds an empty label; give every class a name")
        kinds = {type(label) for label in value}
        odd = next((v for v in value if isinstance(v, bool) or not isinstance(v, (str, int))), None)
        if odd is not None:
            text = str(odd).lower() if isinstance(odd, bool) else str(odd)
            raise ValueError(f"{text} is not a label; put texts in quotes")
        if any(isinstance(label, int) and abs(label) > LARGEST_INTEGER for label in value):
            raise ValueError("a label has more than 64 bits; put the numbers in quotes")
        if len(kinds) > 1:
            raise ValueError("some labels are texts, some numbers; put the numbers in quotes")
        return tuple(value)
    return value


Adjustable: TypeAlias = Annotated[
    Annotated[float, Tag("number")] | Annotated[Range, Tag("range")],
    Discriminator(_number_or_range),
]
"""A number, or its default with the range that the app may choose from."""

Countable: TypeAlias = Annotated[
    Annotated[Positive, Tag("number")] | Annotated[Choice, Tag("choice")],
    Discriminator(_number_or_choice),
]
"""A whole number, or its default with the values that the app may choose from."""

Labels: TypeAlias = Annotated[
    Annotated[Place, Tag("file")]
    | Annotated[tuple[str, ...] | tuple[int, ...], BeforeValidator(_one_kind), Tag("labels")],
    Discriminator(_file_or_labels),
]

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

TAGS = ("number", "range", "choice", "file", "labels")
"""Parts of pydantic's error locations that are not keys of the recipe."""


class Recipe(Strict):
    """One conversion: the Keras model, what shall learn, and how.

    What is not set (None) comes from the model's own ``compile`` settings where the file has
    them, else from the defaults in `docs/recipes.md`.
    """

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

    _written_paths: dict[str, str] = PrivateAttr(default_factory=dict)
    _files: tuple[Path, ...] = PrivateAttr(default=())

    def with_origin(self, files: Iterable[Path], paths: Mapping[str, str]) -> Recipe:
        """Return the same recipe, read from `files`, which name theirs as `paths` (key -> text)."""
        copy = self.model_copy()
        copy._files, copy._written_paths = tuple(files), dict(paths)
        return copy

    def inputs(self) -> list[Input]:
        """Return every file that the conversion reads: the model, labels, samples, recipes."""
        names = ("weights", "classes", "calibration", "knn_samples")
        others = ((name, getattr(self, name)) for name in names)
        named = [Input(key, path) for key, path in others if isinstance(path, Path)]
        return [Input("model", self.model), *named, *(Input("recipe", f) for f in self._files)]

    @property
    def is_pipeline(self) -> bool:
        """Whether what is frozen becomes a model of its own."""
        return self.layout == "pipeline" or self.frozen_weights != "float32"

    def written_path(self, key: str) -> str:
        """Return the path `key` as the recipe's file has it, else the bare name of the file.

        Neither depends on the working folder or on the machine.
        """
        return self._written_paths.get(key) or Path(getattr(self, key)).name

    def destination(self) -> Path:
        """Return where the result goes; by default to the working folder, not beside the model."""
        return self.output_path or Path(f"{stem(self.model)}Updatable.mlmodel")

    def unusable(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield (key, what is wrong) for numbers with which nothing can work."""
        if math.prod(self.input_shape or ()) > LARGEST_SIZE:
            yield ("input_shape",), "has more values than any memory holds"
        for name, number in NUMBERS.items():
            value = getattr(self, name)
            where: tuple[str, ...] = (name,)
            if isinstance(value, Range):
                value, where = value.default, (name, "default")
            wrong = None if value is None else number.complaint(value)
            if wrong:
                yield where, f"{value:g} {wrong}"

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is wrong) for settings that cannot stand side by side in any model."""
        own = BY_NAME[self.optimizer].defaults if self.optimizer else NUMBERS
        for key in NUMBERS:
            value = getattr(self, key)
            if value is not None and key not in own:
                yield key, f"is not a number of the optimizer {self.optimizer}; remove it"
        if "label_name" in self.model_fields_set and self.classes is None and not self.knn:
            yield "label_name", "has no effect without classes; add classes, or remove it"
        yield from self._about_new_classes()
        if self.layout == "network" and self.frozen_weights != "float32":
            yield (
                "frozen_weights",
                (
                    f"{self.frozen_weights} weights are for a pipeline, and layout asks for one "
                    "network; remove one of them"
                ),
            )
        if self.calibration is not None and self.frozen_weights == "float32":
            yield "calibration", "has no effect without frozen_weights float16 or int8; remove it"
        yield from self._apart_from_neighbors()
        for key in ("verify_update", "tolerance", "calibration"):
            if not self.verify and key in self.model_fields_set and getattr(self, key):
                yield key, "has no effect, because verify is off; remove one of them"
        if self.output_path is not None and self.output_path.suffix not in MODEL_ENDING:
            yield "output_path", "does not end in .mlmodel; give it that ending"

    def _about_new_classes(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is wrong) for a new head or spare classes beside other settings."""
        given = [key for key in ("new_head", "spare_classes") if getattr(self, key) is not None]
        if len(given) == 2:
            yield "spare_classes", "has no place beside new_head, whose classes are all new"
        for key in given:
            if self.classes is None:
                yield key, "needs classes: name the labels"
            if self.loss not in (None, "categorical_crossentropy"):
                yield (
                    "loss",
                    f"has no place beside {key}, which makes classes that exclude "
                    "each other; remove it",
                )

    def _apart_from_neighbors(self) -> Iterator[tuple[str, str]]:
        """Yield settings of k-NN without it, and those of other learning beside it."""
        for key in () if self.knn else KNN_ONLY:
            if getattr(self, key) is not None:
                yield key, "has no effect without knn; add knn, or remove it"
        for key in GRADIENT_ONLY if self.knn else ():
            if key in self.model_fields_set and getattr(self, key) not in (None, ()):
                yield key, "has no effect with knn, which learns by keeping samples; remove one"
        if self.knn and self.layout == "network":
            yield "layout", "has to be a pipeline with knn: the network, and then the neighbors"
        if self.knn and self.knn_leaf_size and self.knn_index != "kd_tree":
            yield "knn_leaf_size", "has no effect without the k-d tree; say knn_index kd_tree"
        if self.knn and self.knn_scale and self.knn_samples is None:
            yield "knn_scale", "has no effect without knn_samples; add them, or remove it"


class RecipeFile(Recipe):
    """What a recipe file may hold: a recipe, and what it builds on."""

    extends: Place | tuple[Place, ...] | None = Field(
        default=None,
        description="Recipes to start from, later ones and this one win; paths from here.",
    )
