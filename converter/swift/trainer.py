"""What the Swift templates need to know of a model, read from its file."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from converter.coreml.features import array_shape
from converter.coreml.mlmodel import FeatureTypes_pb2, Message, serialize
from converter.coreml.neighbors import KIND, default_label, label_type
from converter.coreml.optimizers import BATCH_SIZE, OPTIMIZERS
from converter.coreml.subject import Keeper, Subject, Updatable, class_count, updatable
from converter.errors import TrainingError
from converter.swift.facts import Answer, Array, Count, Input, Number, Trainer
from converter.swift.names import identifier, string

ARRAY_TYPES = {
    FeatureTypes_pb2.ArrayFeatureType.FLOAT32: ("float32", "Float"),
    FeatureTypes_pb2.ArrayFeatureType.DOUBLE: ("double", "Double"),
    FeatureTypes_pb2.ArrayFeatureType.INT32: ("int32", "Int32"),
}
"""Data type in the file -> the case of ``MLMultiArrayDataType`` and the type of an element.

Half precision needs a younger version of the format than updatable models have."""

DIGEST_LENGTH = 12
"""Hexadecimal digits by which personal models of different shipped models are told apart."""


def trainer(model: Message) -> Trainer:
    """Return what the templates need of `model`.

    Raises:
        TrainingError: the model is not updatable, or in a way that is not known here.
        DataError: the file leaves a shape open.
    """
    chosen = updatable(model)
    if isinstance(chosen, Keeper):
        return _by_neighbors(chosen)
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
        _digest(model),
    )


def _digest(model: Message) -> str:
    return hashlib.sha256(serialize(model)).hexdigest()[:DIGEST_LENGTH]


def _by_neighbors(chosen: Keeper) -> Trainer:
    """Return what the templates need of a model that ends in k nearest neighbours."""
    params = getattr(chosen.member, KIND)
    kind = label_type(chosen.member) or ""
    if chosen.target.type.WhichOneof("Type") != f"{kind}Type":
        raise TrainingError(
            f"training input '{chosen.target.name}': is of another type than the labels of the "
            f"samples, {kind}; correct it"
        )
    answer = _scored(chosen.model, kind, chosen.target.name)
    default = default_label(params)
    return Trainer(
        tuple(_inputs(chosen, answer)),
        answer,
        [],
        [_count("numberOfNeighbors", params.numberOfNeighbors)],
        False,
        [],
        [],
        chosen.scope[0] if chosen.scope else None,
        _digest(chosen.model),
        "nil" if default is None else string(default) if isinstance(default, str) else str(default),
    )


def _inputs(chosen: Updatable, answer: Answer) -> Iterator[Input]:
    taken = {answer.variable}
    _check_names(feature.name for feature in chosen.inputs)
    for feature in chosen.inputs:
        name = identifier(feature.name, taken)
        taken.add(name)
        if feature.type.WhichOneof("Type") == "imageType":
            image = feature.type.imageType
            described = f"A picture, which the model takes as {image.width} × {image.height}"
            yield Input(feature.name, name, None, (image.width, image.height), described)
        else:
            array = _array(feature)
            sizes = " × ".join(map(str, array.shape))
            order = ", channels first" if len(array.shape) == 3 else ""
            yield Input(feature.name, name, array, None, f"{array.count} numbers, {sizes}{order}")


def _check_names(names: Iterable[str]) -> None:
    for name, number in Counter(names).items():
        if number > 1:
            raise TrainingError(f"{number} inputs are named '{name}'; give each a name of its own")


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
        return _labelled(chosen, kind, target.name)
    array = _array(target)
    output = _array_output(chosen)
    if chosen.loss.is_classification:
        return Answer("index", target.name, output, "Int", array, classes=class_count(chosen))
    return Answer("values", target.name, output, f"[{array.element}]", array)


def _labelled(chosen: Subject, kind: str, name: str) -> Answer:
    return replace(_scored(chosen.model, kind, name), labels=chosen.labels or ())


def _scored(model: Message, kind: str, name: str) -> Answer:
    """Return a class by its label, of the type `kind`, and the probability of each."""
    description = model.description
    scores = description.predictedProbabilitiesName
    kinds = {feature.name: feature.type.WhichOneof("Type") for feature in description.output}
    if scores not in kinds:
        raise TrainingError(
            "the model names no output with the probabilities of its classes; "
            "convert it with make-updatable"
        )
    return Answer(
        kind,
        name,
        description.predictedFeatureName,
        "String" if kind == "string" else "Int64",
        scores=scores,
        scores_are_array=kinds[scores] == "multiArrayType",
    )


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
    low, high = parameter.range.minValue, parameter.range.maxValue
    _check_range(key, low, high)
    return Number(key, _double(parameter.defaultValue), _double(low), _double(high))


def _check_range(key: str, low: float, high: float) -> None:
    if not low <= high:  # nor is it where one of them is no number
        raise TrainingError(f"{key} may be from {low} to {high}, which is no range; correct it")


def _double(value: float) -> str:
    """Return a number as a Swift literal."""
    if math.isnan(value):
        return "Double.nan"
    if math.isinf(value):
        return "Double.infinity" if value > 0 else "-Double.infinity"
    return repr(value)


def _count(key: str, parameter: Message) -> Count:
    default, kind = int(parameter.defaultValue), parameter.WhichOneof("AllowedValues")
    if kind == "range":
        low, high = int(parameter.range.minValue), int(parameter.range.maxValue)
        _check_range(key, low, high)
        return Count(key, default, (low, high))
    values = sorted(set(parameter.set.values)) if kind == "set" else []
    if values and values[-1] - values[0] == len(values) - 1:
        return Count(key, default, (values[0], values[-1]))
    return Count(key, default, None, values)
