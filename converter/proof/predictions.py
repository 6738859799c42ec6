"""The proof of a conversion: samples, Keras's answers to them, and the comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converter.coreml.encoding import Precision
from converter.coreml.interface import ImageInput
from converter.coreml.mlmodel import Message
from converter.errors import InvalidModelError, ParityError
from converter.learning.answers import Answer
from converter.learning.head import KERAS_CROSS_ENTROPY
from converter.learning.network import Network, Traced
from converter.learning.new_classes import Ended
from converter.lower.walk import Lowered
from converter.proof import keras_model, parity, samples
from converter.proof.finite import check_answers
from converter.proof.kept import Kept, kept, kept_gap
from converter.proof.samples import Look
from converter.recipe import Recipe
from converter.recipe.settings import TOLERANCES
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
    over the samples by `variation`, a share of their range. `kept` is what a model with new classes
    must share with the one from before.
    """

    inputs: Mapping[str, Array]
    output: str
    answer: Answer
    are_probabilities: bool
    variation: float
    kept: Kept | None = None


def expectation(
    model: Any, network: Network, recipe: Recipe, ended: Ended | None = None
) -> Expectation:
    """Return what `network` must predict for random inputs: what the live Keras `model` does.

    `ended` tells of a model with new classes from what it was made. Where the answers hardly vary,
    equal ones would prove nothing, and other inputs are tried.

    Raises:
        ParityError: the Keras model answers ordinary inputs with what is no number.
    """
    return most_varied(
        network.traced, lambda look: _expectation(model, network, recipe, look, ended)
    )


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


def _expectation(
    model: Any, network: Network, recipe: Recipe, look: Look, ended: Ended | None
) -> Expectation:
    end, output = network.end, network.traced.interface.output
    inputs, batch = drawn(model, network.traced, network.lowered, recipe, look)
    answers = keras_model.keras_answers(model, batch)[network.traced.index]
    check_answers(model, batch, answers.values)
    answer = end.expected(answers)
    is_class = end.loss == KERAS_CROSS_ENTROPY
    shared = kept(ended, network, batch, inputs) if ended else None
    varying = shared.answer if shared and shared.are_features else answer
    variation = parity.variation(varying, is_class and varying is answer)
    return Expectation(inputs, output, answer, is_class, variation, shared)


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


@dataclass(frozen=True)
class Tolerance:
    """How far a model whose frozen weights have a `precision` may be from Keras.

    Integers move the logarithm of a small probability far: of classes, the probabilities alone are
    compared then.
    """

    allowed: float
    precision: Precision = "float32"

    @classmethod
    def of(cls, recipe: Recipe, precision: Precision) -> Tolerance:
        """Return what `recipe` allows where frozen weights have `precision`."""
        return cls(recipe.tolerance or TOLERANCES[precision], precision)


def verified(written: Message, expected: Expectation, tolerance: Tolerance) -> float:
    """Return how far `written` predicts from what is `expected`.

    Raises:
        ParityError: farther than the `tolerance`.
    """
    found = parity.predict(written, expected.inputs, expected.output)
    digits = tolerance.precision != "int8"
    if not digits:
        gap = parity.difference(expected.answer.values, found.values)
    else:
        gap = parity.gap(expected.answer, found, expected.are_probabilities)
    if gap <= tolerance.allowed and expected.kept is not None:
        return max(gap, kept_gap(written, expected.kept, tolerance.allowed, digits))
    if gap > tolerance.allowed:
        finite = np.isfinite(gap)
        raise ParityError(
            f"the converted model differs from Keras by {gap:.1e} of the output's range (allowed "
            f"{tolerance.allowed:.0e}); nothing was written; {ADVICE[tolerance.precision]}"
            + (", or raise --tolerance" if finite else "")
        )
    return gap


ADVICE: Mapping[Precision, str] = {
    "float32": "please report this model",
    "float16": "keep the frozen weights in float32 (leave --frozen-weights out)",
    "int8": "try --frozen-weights float16",
}
"""Precision of the frozen weights -> what to do where the predictions differ too much."""


def doubted(expected: Expectation, precision: Precision) -> tuple[str, str]:
    """Return why a comparison with what is `expected` proves little, in short and as a note.

    Both are empty where it proves something. Where frozen weights are integers, probabilities are
    all that is compared.
    """
    answer, variation = expected.answer, expected.variation
    if precision == "int8":
        answer = Answer(answer.values)
        variation = parity.variation(answer, is_class=False)
    if little := parity.little_varied(variation):
        return "the output hardly varies", little
    if expected.are_probabilities and parity.is_saturated(answer):
        return "all probabilities are 0 or 1", SATURATED
    return "", ""
