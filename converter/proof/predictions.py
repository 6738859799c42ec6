"""The proof of a conversion: samples, Keras's answers to them, and the comparison."""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.coreml.interface import ImageInput, Interface
from converter.coreml.mlmodel import Message
from converter.errors import InvalidModelError, ParityError, UsageError
from converter.learning.head import KERAS_CROSS_ENTROPY, Head
from converter.lower.walk import Lowered
from converter.proof import parity
from converter.recipe import Recipe
from converter.trace.leading import Leading
from converter.trace.program import Array
from converter.validation import validate

SATURATED = (
    "random inputs saturate this network (all probabilities are 0 or 1), so the comparison with "
    "Keras proves little; try the file on your own data: make-updatable evaluate"
)


def expectation(
    model: Any, index: int, interface: Interface, lowered: Lowered, end: Head,
    leading: Leading | None, recipe: Recipe,
) -> tuple[dict[str, Array], Array | None]:  # fmt: skip
    """Return inputs for the Core ML model and what it must predict, None if that is not wanted.

    Raises:
        UsageError: there are not as many class labels as outputs.
    """
    if interface.labels and len(interface.labels) != end.blob.channels:
        raise UsageError(
            f"{len(interface.labels)} class labels for {end.blob.channels} outputs of the model"
        )
    if not recipe.verify:
        return {}, None
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if recipe.input_shape:
        shapes = [recipe.input_shape]
    image = interface.image
    highest = 256.0 if image else 1 / float(np.abs(leading.scale).max()) if leading else 1.0
    batch = parity.samples(shapes, highest, pixels=image is not None)
    axes = [blob.axes for blob in lowered.inputs]
    given = {
        name: x if image else parity.core_ml_array(x, letters)
        for name, x, letters in zip(interface.inputs, batch, axes, strict=True)
    }
    if image:
        own = recipe.scale is None and recipe.bias is None
        as_keras = ImageInput(image.colour) if own else image
        batch = [parity.keras_pixels(batch[0], as_keras)]
    raw = parity.keras_predictions(model, batch, index)
    flat = raw.reshape(len(raw), -1) if end.blob.chw[1:] == (1, 1) else raw
    return given, end.expected(flat)


def validated(written: Message) -> tuple[str, ...]:
    """Return the warnings about the written model.

    Raises:
        InvalidModelError: Core ML would refuse it.
    """
    found = validate.findings(written)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        raise InvalidModelError(
            f"the converted model would not work: {errors[0].text()}; nothing was written; "
            "please report this model"
        )
    return tuple(finding.text() for finding in found)


def verified(
    written: Message, given: dict[str, Array], output: str, expected: Array, recipe: Recipe,
    loss: str,
) -> tuple[float, tuple[str, ...]]:  # fmt: skip
    """Return how far `written` predicts from what is `expected`, and what to say about that.

    Raises:
        ParityError: too far.
    """
    found = parity.predict(written, given, output)
    is_class, tolerance = loss == KERAS_CROSS_ENTROPY, recipe.tolerance
    compare = parity.difference_of_probabilities if is_class else parity.difference
    gap = compare(expected, found)
    if gap > tolerance:
        raise ParityError(
            f"the converted model differs from Keras by {gap:.1e} of the output's range (allowed "
            f"{tolerance:.0e}); nothing was written; please report this model, or raise --tolerance"
        )
    if is_class and parity.is_saturated(expected):
        return gap, (SATURATED,)
    return gap, ()
