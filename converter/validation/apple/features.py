"""Feature descriptions: finding one by name, and comparing two as Apple's validator does."""

from __future__ import annotations

from collections.abc import Iterable

from converter.coreml.mlmodel import Message
from converter.validation.finding import quoted


def named(features: Iterable[Message], name: str) -> Message | None:
    """Return the first feature called `name`, or None."""
    return next((feature for feature in features if feature.name == name), None)


def type_problem(feature: Message | None, name: str, kinds: Iterable[str]) -> str | None:
    """Return what is wrong with a feature that should be called `name` and be of one of `kinds`."""
    if feature is None:
        return f"{quoted(name)} is not among the outputs"
    kind = feature.type.WhichOneof("Type")
    if kind in kinds:
        return None
    wanted = " or ".join(readable(kind) for kind in kinds)
    return f"{quoted(name)} is {readable(kind)} instead of {wanted}"


def readable(kind: str | None) -> str:
    """Return the name of a feature type as people say it: ``int64Type`` -> ``int64``."""
    return kind.removesuffix("Type") if kind else "without type"


def is_impossible(limits: Message) -> bool:
    """Return whether a ``SizeRange`` is empty; an upper bound of 0 or less is not looked at."""
    return bool(limits.upperBound > 0 and limits.lowerBound > limits.upperBound)


def equivalent(one: Message, other: Message) -> bool:
    """Return whether two features have the same name and, by `same_type`, the same type."""
    return bool(one.name == other.name) and same_type(one.type, other.type)


def same_type(one: Message, other: Message) -> bool:
    """Return whether Apple's validator takes two ``FeatureType`` for equal.

    Arrays: data type, rank and, unless either is flexible, all sizes. Images: width, height and
    colour space. `isOptional` is ignored. Source: ``Comparison.cpp`` of apple/coremltools.
    """
    kind = one.WhichOneof("Type")
    if kind != other.WhichOneof("Type"):
        return False
    if kind == "multiArrayType":
        return _same_array(one.multiArrayType, other.multiArrayType)
    if kind == "imageType":
        left, right = one.imageType, other.imageType
        return all(getattr(left, f) == getattr(right, f) for f in ("width", "height", "colorSpace"))
    if kind == "dictionaryType":
        return _same_choice(one.dictionaryType, other.dictionaryType, "KeyType")
    if kind == "sequenceType":
        return _same_choice(one.sequenceType, other.sequenceType, "Type")
    if kind == "stateType":
        left, right = one.stateType.arrayType, other.stateType.arrayType
        same = left.dataType == right.dataType and _rank(left) == _rank(right)
        return same and list(left.shape) == list(right.shape)
    return True


def _same_choice(one: Message, other: Message, oneof: str) -> bool:
    return bool(one.WhichOneof(oneof) == other.WhichOneof(oneof))


def _rank(array: Message) -> int:
    flexibility = array.WhichOneof("ShapeFlexibility")
    if flexibility == "enumeratedShapes":
        shapes = array.enumeratedShapes.shapes
        return len(shapes[0].shape) if shapes else 0
    return len(array.shapeRange.sizeRanges if flexibility == "shapeRange" else array.shape)


def _same_array(one: Message, other: Message) -> bool:
    if one.dataType != other.dataType or _rank(one) != _rank(other):
        return False
    if any(array.WhichOneof("ShapeFlexibility") is not None for array in (one, other)):
        return True
    return list(one.shape) == list(other.shape)
