"""What becomes of an image's pixels: by the options, by the model itself, and by both together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.coreml.interface import NARROW, ImageInput, Pixels
from converter.errors import UsageError
from converter.learning.network import Traced
from converter.recipe import Recipe
from converter.trace.leading import Leading
from converter.trace.program import Array


def is_given(recipe: Recipe) -> bool:
    """Return whether `recipe` says itself what happens to the pixels."""
    return recipe.scale is not None or recipe.bias is not None


def refuse_doubling(leading: Leading, recipe: Recipe) -> None:
    """Refuse a scale and bias for a model that takes pixels from 0 to 255 and scales them itself.

    A model that begins with arithmetic may still want them: one that makes -1 to 1 of 0 to 1. There
    is no way to insist: an array input takes whatever the app makes of the pixels.

    Raises:
        UsageError: the model and the options do the same.
    """
    own = _narrows(leading.far_scale), _centres(leading.far_scale, leading.far_bias)
    scale, bias = np.asarray(_number(recipe.scale)), np.asarray(recipe.bias or (0.0,))
    given = _narrows(scale), _centres(scale, bias)
    if (own[0] and given[0]) or (own[1] and any(given)):
        flags = " and ".join(
            f"--{name}" for name in ("scale", "bias") if getattr(recipe, name) is not None
        )
        where = leading.layer or "its first operation"
        does = Pixels(tuple(leading.far_scale.tolist()), tuple(leading.far_bias.tolist()))
        raise UsageError(
            f"{flags}: the model scales its pixels itself, in {where} ({does}), so they would be "
            f"scaled twice; leave {flags} out (pixels that were scaled before the model learned "
            "from them are an array: leave --image out as well)"
        )


def together(image: ImageInput, leading: Leading) -> Pixels:
    """Return what `image`, as the options have it, and the model then make of the pixels."""
    turned = slice(None, None, -1 if image.colour == "bgr" else 1)
    scale, bias = leading.far_scale[turned], leading.far_bias[turned]
    return Pixels(
        tuple((scale * image.scale).tolist()),
        tuple((scale * np.asarray(image.bias) + bias).tolist()),
    )


def remarks(traced: Traced, recipe: Recipe) -> Iterator[str]:
    """Yield what to know about the colours and the scaling of an image input."""
    image, leading = traced.interface.image, traced.leading
    if image is None or leading is None:
        return
    if image.colour != recipe.image:
        yield (
            f"the model turns {recipe.image} images to {image.colour} itself; the file takes "
            f"{image.colour} images instead, which Core ML makes of any picture"
        )
    if is_given(recipe) and leading.layer is not None:
        yield (
            "pixels are scaled by the options and then by the model itself: the first layer with "
            f"weights gets {traced.interface.pixels}"
        )


def _number(scale: float | None) -> float:
    return 1.0 if scale is None else scale


def _narrows(scale: Array) -> bool:
    """Return whether pixels from 0 to 255 come closer together than `NARROW`."""
    return bool(255 * np.abs(scale).max() <= NARROW)


def _centres(scale: Array, bias: Array) -> bool:
    """Return whether the middle is subtracted from pixels from 0 to 255, not from 0 to 1."""
    return bool(np.any(-bias >= NARROW * np.abs(scale)) and np.any(scale != 0))
