"""What the Swift template needs to know of a model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from converter.coreml.features import array_shape
from converter.coreml.mlmodel import FeatureTypes_pb2, Message
from converter.coreml.optimizers import BATCH_SIZE, OPTIMIZERS
from converter.coreml.subject import Subject, class_count, subject
from converter.errors import TrainingError
from converter.swift.names import identifier

ARRAY_TYPES = {
    FeatureTypes_pb2.ArrayFeatureType.FLOAT32: ("float32", "Float"),
    FeatureTypes_pb2.ArrayFeatureType.DOUBLE: ("double", "Double"),
    FeatureTypes_pb2.ArrayFeatureType.INT32: ("int32", "Int32"),
}
"""Data type in the file -> the case of ``MLMultiArrayDataType`` and the type of an element.

Half precision needs a younger version of the format than updatable models have."""


@dataclass(frozen=True)
class Array:
    """An array feature."""

    shape: tuple[int, ...]
    case: str
    element: str

    @property
    def count(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Input:
    """One input: an array, or an image if `array` is None. `variable` is its name in Swift."""

    name: str
    variable: str
    array: Array | None
    described: str

    @property
    def swift_type(self) -> str:
        """The Swift type of its values."""
        return f"[{self.array.element}]" if self.array else "CGImage"


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
    """

    kind: str
    name: str
    output: str
    swift_type: str
    array: Array | None
    labels: Sequence[str | int]
    classes: int

    @property
    def variable(self) -> str:
        """Its name in Swift."""
        return "values" if self.kind == "values" else "label"


@dataclass(frozen=True)
class Number:
    """A hyperparameter that is a floating-point number."""

    key: str
    default: str
    lowest: str | None
    highest: str | None


@dataclass(frozen=True)
class Count:
    """A hyperparameter that is a whole number, and the values that the file allows."""

    key: str
    default: int
    allowed: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Trainer:
    """Everything about one model."""

    inputs: Sequence[Input]
    answer: Answer
    numbers: Sequence[Number]
    counts: Sequence[Count]
    shuffle: bool
    layers: Sequence[str]
    biased: Sequence[str]
    scope: str | None

    @property
    def has_images(self) -> bool:
        """Whether an input is an image."""
        return any(item.array is None for item in self.inputs)

    @property
    def has_arrays(self) -> bool:
        """Whether an input, or the answer, is an array."""
        return bool(self.array_types)

    @property
    def array_types(self) -> list[tuple[str, str]]:
        """The types of arrays that are made, as in `ARRAY_TYPES`."""
        arrays = [self.answer.array, *(item.array for item in self.inputs)]
        return sorted({(array.case, array.element) for array in arrays if array})


def trainer(model: Message) -> Trainer:
    """Return what the template needs of `model`.

    Raises:
        TrainingError: the model is not updatable, or in a way that is not known here.
        DataError: the file leaves a shape open.
    """
    chosen = subject(model)
    answer = _answer(chosen)
    update = chosen.net.updateParams
    kind = update.optimizer.WhichOneof("OptimizerType")
    if kind is None:
        raise TrainingError("the model has no optimizer; convert it with make-updatable")
    optimizer = getattr(update.optimizer, kind)
    counts = [_count("epochs", update.epochs), _count(BATCH_SIZE, getattr(optimizer, BATCH_SIZE))]
    if update.HasField("seed"):
        counts.append(_count("seed", update.seed))
    layers = [layer for layer in chosen.layers() if layer.is_updatable]
    return Trainer(
        tuple(_inputs(chosen, answer)),
        answer,
        [_number(n.field, getattr(optimizer, n.field)) for n in OPTIMIZERS[kind].numbers],
        counts,
        bool(update.shuffle.defaultValue),
        [layer.layer.name for layer in layers],
        [layer.layer.name for layer in layers if "biases" in layer.keys],
        chosen.scope[0] if chosen.scope else None,
    )


def _inputs(chosen: Subject, answer: Answer) -> Iterator[Input]:
    taken = {answer.variable}
    for feature in chosen.inputs:
        name = identifier(feature.name, taken)
        taken.add(name)
        if feature.type.WhichOneof("Type") == "imageType":
            image = feature.type.imageType
            yield Input(feature.name, name, None, f"An image of {image.width} × {image.height}")
        else:
            array = _array(feature)
            sizes = " × ".join(map(str, array.shape))
            order = ", channels first" if len(array.shape) == 3 else ""
            yield Input(feature.name, name, array, f"{array.count} numbers, {sizes}{order}")


def _array(feature: Message) -> Array:
    dtype = feature.type.multiArrayType.dataType
    if dtype not in ARRAY_TYPES:
        raise TrainingError(f"training input '{feature.name}': is of a kind that is not known here")
    return Array(array_shape(feature), *ARRAY_TYPES[dtype])


def _answer(chosen: Subject) -> Answer:
    target = chosen.target
    kind = (target.type.WhichOneof("Type") or "").removesuffix("Type")
    output = chosen.model.description.predictedFeatureName
    if kind in ("string", "int64") and chosen.loss.is_classification and output:
        labels = chosen.labels or []
        swift = "String" if kind == "string" else "Int"
        return Answer(kind, target.name, output, swift, None, labels, len(labels))
    array = _array(target)
    output = _array_output(chosen)
    if chosen.loss.is_classification:
        return Answer("index", target.name, output, "Int", array, (), class_count(chosen))
    return Answer("values", target.name, output, f"[{array.element}]", array, (), 0)


def _array_output(chosen: Subject) -> str:
    """Return the output that the loss is computed from."""
    names = [
        str(feature.name)
        for feature in chosen.model.description.output
        if feature.type.WhichOneof("Type") == "multiArrayType"
    ]
    wanted = chosen.loss.input
    if wanted not in names and len(names) != 1:
        raise TrainingError(
            f"the loss is computed from '{wanted}', which is no output; name it one"
        )
    return wanted if wanted in names else names[0]


def _number(key: str, parameter: Message) -> Number:
    if not parameter.HasField("range"):
        return Number(key, _double(parameter.defaultValue), None, None)
    bounds = parameter.range
    low, high = _double(bounds.minValue), _double(bounds.maxValue)
    return Number(key, _double(parameter.defaultValue), low, high)


def _double(value: float) -> str:
    """Return a number as a Swift literal."""
    if math.isnan(value):
        return "Double.nan"
    if math.isinf(value):
        return "Double.infinity" if value > 0 else "-Double.infinity"
    return repr(value)


def _count(key: str, parameter: Message) -> Count:
    kind = parameter.WhichOneof("AllowedValues")
    if kind == "range":
        allowed = [(int(parameter.range.minValue), int(parameter.range.maxValue))]
    else:
        allowed = runs(parameter.set.values) if kind == "set" else []
    return Count(key, int(parameter.defaultValue), allowed)


def runs(values: Sequence[int]) -> list[tuple[int, int]]:
    """Return sorted whole numbers as runs without gaps: 1, 2, 3, 5 as (1, 3), (5, 5)."""
    found: list[tuple[int, int]] = []
    for value in sorted(set(values)):
        if found and value == found[-1][1] + 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    return found
