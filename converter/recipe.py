"""Everything that a conversion can be told, from flags or a file, in one frozen object."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Range(_Strict):
    """A number that the app may change between `min` and `max`, both included."""

    default: float | None = None
    min: float = 0.0
    max: float = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.min >= self.max:
            raise ValueError(f"min {self.min} must be less than max {self.max}")
        if self.default is not None and not self.min <= self.default <= self.max:
            raise ValueError(f"default {self.default} is not within {self.min} … {self.max}")
        return self


class Choice(_Strict):
    """A whole number that the app may change to any of `allowed`."""

    default: Positive | None = None
    allowed: tuple[Positive, ...] = ()


class Recipe(_Strict):
    """One conversion: the Keras model, what shall learn, and how.

    What is not set (None) comes from the model's own ``compile`` settings where the file has
    them, else from the defaults in the README.
    """

    model: Path = Field(description="The trained Keras model, .h5 or .keras.")
    output_path: Path | None = Field(None, description="Where to write the .mlmodel.")
    layers: tuple[str, ...] = Field((), description="Names or globs of the layers that learn.")
    output: str | None = Field(None, description="Which output to convert, if there are several.")
    input_shape: tuple[Positive, ...] | None = Field(
        None, description="Shape of the input where the model leaves it open, without the batch."
    )
    allow_unsafe: bool = Field(False, description="Run Python code stored in the model file.")

    loss: Literal["categorical_crossentropy", "mean_squared_error"] | None = Field(
        None, description="What the device minimises."
    )
    optimizer: Literal["sgd", "adam"] | None = Field(None, description="How the device learns.")
    learning_rate: float | Range | None = Field(None, description="Step size.")
    momentum: float | Range | None = Field(None, description="Momentum of SGD.")
    beta_1: float | Range | None = Field(None, description="Decay of Adam's first moment.")
    beta_2: float | Range | None = Field(None, description="Decay of Adam's second moment.")
    epsilon: float | Range | None = Field(None, description="Adam's epsilon.")
    epochs: Positive | Choice | None = Field(None, description="Passes over the user's data.")
    batch_size: Positive | Choice | None = Field(None, description="Samples per step.")
    shuffle: bool = Field(True, description="Shuffle the samples between epochs.")
    seed: int | None = Field(None, description="Seed of the shuffling.")

    image: Literal["rgb", "bgr", "gray"] | None = Field(
        None, description="Take images instead of arrays, in this colour order."
    )
    scale: float | None = Field(None, description="Factor on the pixels of an image input.")
    bias: tuple[float, ...] | None = Field(
        None, description="Added after scaling, one number or one per channel, red first."
    )
    classes: Path | tuple[str, ...] | tuple[int, ...] | None = Field(
        None, description="Class labels in order, or a file with one label a line."
    )
    input_name: str | None = Field(None, description="Name of the model's input.")
    output_name: str | None = Field(None, description="Name of the output (probabilities).")
    label_name: str = Field("classLabel", description="Name of a classifier's predicted class.")

    verify: bool = Field(True, description="Compare the written model with Keras.")
    tolerance: Annotated[float, Field(gt=0)] = Field(
        1e-4, description="Largest difference from Keras, relative to the range of its output."
    )

    def destination(self) -> Path:
        """Return where the result goes: beside the working folder's user, not the model."""
        return self.output_path or Path(f"{self.model.stem}Updatable.mlmodel")
