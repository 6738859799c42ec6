"""A multi-array feature has no usable shape, data type or default value.

What: an input without shape; a negative size; an allowed range that is empty or that leaves out
the default shape; an unknown data type, or one that the specification version does not have
(FLOAT16 from 7, INT8 from 10); a default value of another type than the array.
Why: Core ML refuses the model.
Fix: give the array a shape and a data type of DOUBLE, FLOAT32 or INT32.
Source: `validateFeatureDescription` in `InterfaceValidators.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.features import is_impossible
from converter.validation.apple.weights import i32
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("M105", "array-feature", "error", "apple")

FIRST_FLEXIBLE_VERSION = 3
FIRST_FLOAT16_VERSION = 7
FIRST_INT8_VERSION = 10


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each multi-array among inputs and outputs that is not usable."""
    for role, feature in model.features():
        if feature.type.WhichOneof("Type") != "multiArrayType" or role == "state":
            continue
        for problem, fix in problems_of(feature.type.multiArrayType, role, model.version):
            yield RULE.found(f"{role} {quoted(feature.name)} {problem}", fix)


def problems_of(array: Message, role: str, version: int) -> Iterator[tuple[str, str]]:
    """Yield (what is wrong with a multi-array, what to do)."""
    flexibility = array.WhichOneof("ShapeFlexibility")
    if version >= FIRST_FLEXIBLE_VERSION and flexibility is not None:
        problem = _flexibility_problem(array, flexibility)
        if problem:
            yield problem, "repair the allowed shapes, or fix the shape"
    elif role == "input" and not array.shape:
        yield "has no shape", "declare its shape"
    if any(size < 0 for size in array.shape):
        yield f"has a negative size in its shape {list(array.shape)}", "declare real sizes"
    known = (array.DOUBLE, array.FLOAT32, array.INT32)
    if array.dataType == array.FLOAT16 and version < FIRST_FLOAT16_VERSION:
        yield f"is FLOAT16, which version {version} does not have", "make it FLOAT32"
    elif array.dataType == array.INT8 and version < FIRST_INT8_VERSION:
        yield f"is INT8, which version {version} does not have", "make it INT32"
    elif array.dataType not in (*known, array.FLOAT16, array.INT8):
        yield "has no known data type", "make it DOUBLE, FLOAT32 or INT32"
    if not _default_fits(array):
        yield "has a default value of another type", "match the default value and the data type"


def _flexibility_problem(array: Message, flexibility: str) -> str | None:
    shape = list(array.shape)
    if flexibility == "enumeratedShapes":
        allowed = [list(option.shape) for option in array.enumeratedShapes.shapes]
        if not allowed or not all(allowed):
            return "lists no shapes, or an empty one"
        return f"has default shape {shape}, not one of the listed ones" if (
            shape and shape not in allowed
        ) else None  # fmt: skip
    ranges = list(array.shapeRange.sizeRanges)
    if any(is_impossible(limits) for limits in ranges):
        return "has an empty range of sizes"
    if not shape:
        return None
    if len(shape) != len(ranges):
        return f"has a shape of {len(shape)} axes and ranges for {len(ranges)}"
    for size, limits in zip(shape, ranges, strict=True):
        if size < i32(limits.lowerBound) or 0 <= limits.upperBound < size:
            return f"has default shape {shape}, outside the allowed ranges"
    return None


def _default_fits(array: Message) -> bool:
    given, kind = array.WhichOneof("defaultOptionalValue"), array.dataType
    if given == "doubleDefaultValue":
        return bool(kind == array.DOUBLE)
    if given == "floatDefaultValue":
        return kind in (array.FLOAT32, array.FLOAT16)
    if given == "intDefaultValue":
        small = -128 <= array.intDefaultValue <= 127
        return bool(kind == array.INT32 or (kind == array.INT8 and small))
    return True
