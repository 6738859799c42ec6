"""A model as the Swift templates see it: inputs, answer, hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from converter.swift.names import string

LARGEST_INT = 2**31 - 1
"""The largest ``Int`` of watchOS, where it has 32 bits."""

MEANINGS = {
    "learningRate": "The step size of the optimizer",
    "momentum": "How much of the last step goes into the next one",
    "beta1": "How slowly Adam forgets the gradients",
    "beta2": "How slowly Adam forgets the squares of the gradients",
    "eps": "What Adam adds to what it divides by",
    "epochs": "How often all samples are learned from",
    "numberOfNeighbors": "How many of the nearest samples decide",
    "miniBatchSize": "How many samples make one step",
    "seed": "Where the random order of the samples starts from",
}
"""Case of ``MLParameterKey`` -> what the hyperparameter does."""


@dataclass(frozen=True)
class Array:
    """An array feature: its shape, case of ``MLMultiArrayDataType`` and type of an element."""

    shape: tuple[int, ...]
    case: str
    element: str

    @property
    def count(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def layout(self) -> str:
        """The arguments that tell where the elements are: in C order."""
        strides = [math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape))]
        return f"shape: {list(self.shape)}, strides: {strides}, .{self.case}"


@dataclass(frozen=True)
class Input:
    """One input: an array, or an image of a `size` in pixels. `variable` is its name in Swift."""

    name: str
    variable: str
    array: Array | None
    size: tuple[int, int] | None
    described: str

    @property
    def swift_type(self) -> str:
        """The Swift type of its values."""
        return f"[{self.array.element}]" if self.array else "Image"


@dataclass(frozen=True)
class Answer:
    """What the model learns to say.

    Attributes:
        kind: "string" or "int64" (a class by its label), "index" (a class), or "values".
        name: the training input.
        output: the output that it is compared with.
        swift_type: its type in Swift.
        array: the array it is given as, None for a label.
        labels: the labels of a classifier.
        classes: the number of classes, 0 for values.
        scores: the output with the probabilities of a classifier.
        scores_are_array: whether they are an array in the order of `labels`, not a dictionary.
    """

    kind: str
    name: str
    output: str
    swift_type: str
    array: Array | None = None
    labels: Sequence[str | int] = ()
    classes: int = 0
    scores: str = ""
    scores_are_array: bool = False

    @property
    def variable(self) -> str:
        """Its name in Swift."""
        return "values" if self.kind == "values" else "label"

    @property
    def literals(self) -> list[str]:
        """The labels as Swift literals."""
        return [string(label) if isinstance(label, str) else str(label) for label in self.labels]


@dataclass(frozen=True)
class Number:
    """A hyperparameter that is a floating-point number, its default and limits as literals."""

    key: str
    default: str
    lowest: str | None
    highest: str | None
    swift_type: str = "Double"

    @property
    def described(self) -> str:
        """What it does."""
        return MEANINGS[self.key]

    @property
    def is_allowed(self) -> str:
        """The Swift expression that tells whether its value is allowed."""
        return "true" if self.lowest is None else f"Self.{self.key}Range.contains({self.key})"


@dataclass(frozen=True)
class Count:
    """A hyperparameter that is a whole number.

    `limits` are the ends of what the file allows if all values between them are allowed; else
    `choices` are the values, none if anything is allowed.
    """

    key: str
    default: int
    limits: tuple[int, int] | None
    choices: Sequence[int] = ()

    @property
    def described(self) -> str:
        """What it does."""
        return MEANINGS[self.key]

    @property
    def swift_type(self) -> str:
        """``Int`` where every platform's holds all values; a seed is any number of 64 bits."""
        values = (self.default, *(self.limits or ()), *self.choices)
        fits = all(abs(value) <= LARGEST_INT for value in values)
        return "Int" if fits and self.key != "seed" else "Int64"

    @property
    def is_allowed(self) -> str:
        """The Swift expression that tells whether its value is allowed."""
        is_free = self.limits is None and not self.choices
        return "true" if is_free else f"Self.{self.key}Allowed.contains({self.key})"

    @property
    def least(self) -> int:
        """The smallest allowed value that is more than 0, the default if there is none."""
        low, high = self.limits or (self.default, self.default)
        allowed = self.choices or range(max(low, 1), high + 1)
        return next((value for value in allowed if value > 0), self.default)


@dataclass(frozen=True)
class Trainer:
    """Everything about one model.

    `default_label` is the literal of what k nearest neighbours answer without samples; None of a
    model that learns by a loss.
    """

    inputs: Sequence[Input]
    answer: Answer
    numbers: Sequence[Number]
    counts: Sequence[Count]
    shuffle: bool
    layers: Sequence[str]
    biased: Sequence[str]
    scope: str | None
    digest: str
    default_label: str | None = None

    @property
    def by_neighbors(self) -> bool:
        """Whether it learns by keeping samples, not by a loss."""
        return self.default_label is not None

    @property
    def has_images(self) -> bool:
        """Whether an input is an image."""
        return any(item.array is None for item in self.inputs)

    @property
    def has_arrays(self) -> bool:
        """Whether an input, or the answer, is an array."""
        return self.answer.array is not None or any(item.array for item in self.inputs)
