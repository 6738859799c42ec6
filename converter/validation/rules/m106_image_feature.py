"""An image feature has no usable size or colour space.

What: a width or height that is missing or not positive; allowed sizes that are empty or leave out
the default size; a colour space other than GRAYSCALE, RGB or BGR (GRAYSCALE_FLOAT16 needs
specification version 7).
Why: Core ML refuses the model.
Fix: declare width, height and colour space.
Source: `validateFeatureDescription` in `InterfaceValidators.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.mlmodel import Message
from converter.validation.apple.features import is_impossible
from converter.validation.finding import Finding, Rule, quoted
from converter.validation.view import View

RULE = Rule("M106", "image-feature", "error", "apple")

FIRST_FLEXIBLE_VERSION = 3
FIRST_FLOAT16_VERSION = 7


def check(model: View) -> Iterator[Finding]:
    """Yield a finding for each image among inputs and outputs that is not usable."""
    for role, feature in model.features():
        if feature.type.WhichOneof("Type") != "imageType" or role == "state":
            continue
        for problem, fix in problems_of(feature.type.imageType, model.version):
            yield RULE.found(f"{role} {quoted(feature.name)} {problem}", fix)


def problems_of(image: Message, version: int) -> Iterator[tuple[str, str]]:
    """Yield (what is wrong with an image, what to do)."""
    width, height = image.width, image.height
    flexibility = image.WhichOneof("SizeFlexibility")
    if version >= FIRST_FLEXIBLE_VERSION and flexibility is not None:
        default = (width, height) if width > 0 and height > 0 else None
        problem = _flexibility_problem(image, flexibility, default)
        if problem:
            yield problem, "repair the allowed sizes, or fix the size"
        elif default is None:
            width, height = _smallest(image, flexibility)
    if width <= 0 or height <= 0:
        yield f"has size {width}×{height}", "declare a positive width and height"
    if image.colorSpace == image.GRAYSCALE_FLOAT16:
        if version < FIRST_FLOAT16_VERSION:
            yield f"is GRAYSCALE_FLOAT16, which version {version} does not have", "use GRAYSCALE"
    elif image.colorSpace not in (image.GRAYSCALE, image.RGB, image.BGR):
        yield "has no known colour space", "make it GRAYSCALE, RGB or BGR"


def _smallest(image: Message, flexibility: str) -> tuple[int, int]:
    """Return the width and height that stand in for a missing default, as signed 64 bit."""
    if flexibility == "enumeratedSizes":
        first = image.enumeratedSizes.sizes[0]
        sizes = first.width, first.height
    else:
        limits = image.imageSizeRange
        sizes = limits.widthRange.lowerBound, limits.heightRange.lowerBound
    return _signed(sizes[0]), _signed(sizes[1])


def _signed(value: int) -> int:
    return int(value - 2**64 if value >= 2**63 else value)


def _flexibility_problem(
    image: Message, flexibility: str, default: tuple[int, int] | None
) -> str | None:
    if flexibility == "enumeratedSizes":
        allowed = [(_signed(s.width), _signed(s.height)) for s in image.enumeratedSizes.sizes]
        if not allowed:
            return "lists no sizes"
        return (
            "has a default size that is not listed" if default and default not in allowed else None
        )
    ranges = image.imageSizeRange.widthRange, image.imageSizeRange.heightRange
    if any(is_impossible(limits) for limits in ranges):
        return "has an empty range of sizes"
    for size, limits in zip(default or (), ranges, strict=False):
        if size < _signed(limits.lowerBound) or 0 <= limits.upperBound < size:
            return "has a default size outside the allowed ranges"
    return None
