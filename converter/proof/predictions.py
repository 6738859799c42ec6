"""The proof of a conversion: samples, Keras's answers to them, and the comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converter.coreml.interface import ImageInput
from converter.coreml.mlmodel import Message
from converter.errors import InvalidModelError, ParityError
from converter.learning.answers import Answer
from converter.learning.head import KERAS_CROSS_ENTROPY
from converter.learning.network import Network, Traced
from converter.lower.walk import Lowered
from converter.proof import keras_model, parity, samples
from converter.proof.finite import check_answers
from converter.proof.samples import Look
from converter.recipe import Recipe
from converter.trace.program import Array
from converter.validation import validate

SATURATED = (
    "random inputs saturate this network (all probabilities are 0 or 1), so the comparison with "
    "Keras proves little; try the file on your own data: make-updatable evaluate"
)


@dataclass(frozen=True)
class Expectation:
    """Inputs for the Core ML model by name, and the `answer` that its `output` must give to them.

    Its values are ``[N, C]``; `are_probabilities` tells whether those of classes. The answers vary
    over the samples by `variation`, a share of their range.
    """

    inputs: Mapping[str, Array]
    output: str
    answer: Answer
    are_probabilities: bool
    variation: float


def expectation(model: Any, network: Network, recipe: Recipe) -> Expectation:
    """Return what `network` must predict for random inputs: what the live Keras `model` does.

    Where the answers hardly vary, equal ones would prove nothing, and other inputs are tried.

    Raises:
        ParityError: the Keras model answers ordinary inputs with what is no number.
    """
    return most_varied(network.traced, lambda look: _expectation(model, network, recipe, look))


def most_varied(found: Traced, expected: Callable[[Look], Expectation]) -> Expectation:
    """Return what is `expected` by a look of the inputs at which answers vary, or the most.

    Raises:
        ParityError: that of the first look; those as unusual as the others may overflow.
    """
    made: list[Expectation] = []
    with_image = found.interface.image is not None
    for look in samples.looks(_highest(found), with_image):
        try:
            made.append(expected(look))
        except ParityError:
            if not made:
                raise
            continue  # inputs as unusual as these may overflow a sound model
        if made[-1].variation >= parity.LITTLE_VARIATION:
            return made[-1]
    return max(made, key=lambda expected: expected.variation)


def _expectation(model: Any, network: Network, recipe: Recipe, look: Look) -> Expectation:
    end = network.end
    inputs, batch = drawn(model, network.traced, network.lowered, recipe, look)
    answers = keras_model.keras_answers(model, batch)[network.traced.index]
    check_answers(model, batch, answers.values)
    answer = end.expected(answers)
    is_class = end.loss == KERAS_CROSS_ENTROPY
    variation = parity.variation(answer, is_class)
    return Expectation(inputs, network.traced.interface.output, answer, is_class, variation)


def drawn(
    model: Any, found: Traced, lowered: Lowered, recipe: Recipe, look: Look
) -> tuple[Mapping[str, Array], list[Array]]:
    """Return random inputs of one `look`: those of the network by name, and those of Keras."""
    interface = found.interface
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if recipe.input_shape:
        shapes = [recipe.input_shape]
    batch = samples.samples(shapes, look, pixels=interface.image is not None)
    if interface.image:
        with_channels = batch[0].reshape(*batch[0].shape[:3], -1)  # gray may come as [N, H, W]
        pixels = keras_model.keras_pixels(batch[0], _own(interface.image, recipe))
        return {interface.inputs[0]: with_channels}, [pixels]
    axes = [blob.axes for blob in lowered.inputs]
    inputs = {
        name: keras_model.core_ml_array(x, letters)
        for name, x, letters in zip(interface.inputs, batch, axes, strict=True)
    }
    return inputs, batch


def _highest(found: Traced) -> float:
    """Return the end of the range, from 0, that the model was made for, as far as it says so."""
    if found.interface.image:
        return 256.0
    leading = found.leading
    return 1 / float(np.abs(leading.scale).max() or 1) if leading else 1.0


def _own(image: ImageInput, recipe: Recipe) -> ImageInput:
    """Return what `image` does to pixels that the Keras model does not do by itself."""
    assert recipe.image is not None
    by_itself = recipe.scale is None and recipe.bias is None
    return ImageInput(recipe.image) if by_itself else replace(image, colour=recipe.image)


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
    return tuple(finding.text() for finding in found if finding.severity == "warning")


def verified(written: Message, expected: Expectation, tolerance: float) -> float:
    """Return how far `written` predicts from what is `expected`.

    Raises:
        ParityError: farther than `tolerance`.
    """
    found = parity.predict(written, expected.inputs, expected.output)
    gap = parity.gap(expected.answer, found, expected.are_probabilities)
    if gap > tolerance:
        raise ParityError(
            f"the converted model differs from Keras by {gap:.1e} of the output's range (allowed "
            f"{tolerance:.0e}); nothing was written; please report this model"
            + (", or raise --tolerance" if np.isfinite(gap) else "")
        )
    return gap


def doubted(expected: Expectation) -> tuple[str, str]:
    """Return why a comparison with what is `expected` proves little, in short and as a note.

    Both are empty where it proves something.
    """
    if little := parity.little_varied(expected.variation):
        return "the output hardly varies", little
    if expected.are_probabilities and parity.is_saturated(expected.answer):
        return "all probabilities are 0 or 1", SATURATED
    return "", ""
