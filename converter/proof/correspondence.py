"""The same samples for both models, and which output of Keras is the one of Core ML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.coreml.features import channels, image_shape
from converter.coreml.interface import ImageInput
from converter.coreml.mlmodel import CROSS_ENTROPY, Message
from converter.errors import ParityError
from converter.proof import keras_model, parity, samples
from converter.proof.endings import ENDINGS, Ending
from converter.proof.samples import Look
from converter.runtime.joining import joined
from converter.runtime.plan import Plan
from converter.trace.program import AXES, GRAY_AXES, Array

FEW_VALUES = 64 * 64 * 3


@dataclass(frozen=True)
class Samples:
    """The same samples, as each model takes them."""

    core_ml: dict[str, Array]
    keras: list[Array]

    def __len__(self) -> int:
        return len(self.keras[0])


@dataclass(frozen=True)
class Correspondence:
    """What the models have in common, and how far their predictions are apart.

    `reading` tells how images become Keras's input: a name in `readings`. `look` is that of samples
    over which the predictions of Keras vary, by `variation` of their range. `name` is the output of
    Core ML.
    """

    reading: str
    output: int
    ending: Ending
    difference: float
    look: Look
    variation: float
    name: str


def correspondence(model: Message, twin: Any, plan: Plan, count: int) -> Correspondence:
    """Return the reading, the output and the ending by which the predictions are closest.

    Where the predictions hardly vary over the samples, other samples are tried.

    Raises:
        ParityError: the inputs or outputs of the two have nothing in common.
    """
    closest: list[Correspondence] = []
    for look in samples.looks(*_usual(model)):
        found = _candidates(model, twin, plan, count, look)
        closest.append(min(found, key=lambda candidate: candidate.difference))
        if closest[-1].variation >= parity.LITTLE_VARIATION:
            return closest[-1]
    return max(closest, key=lambda candidate: candidate.variation)


def _usual(model: Message) -> tuple[float, bool]:
    """Return up to which value samples go first, and whether they are pixels."""
    has_pixels = readings(model) != ("arrays",)
    return (256.0 if has_pixels else 1.0), has_pixels


def _candidates(
    model: Message, twin: Any, plan: Plan, count: int, look: Look
) -> Iterator[Correspondence]:
    found, is_class = False, plan.loss == CROSS_ENTROPY
    for reading in readings(model):
        batch = random_samples(model, twin, reading, count, np.random.default_rng(0), look)
        name = _probabilities(model, plan)
        answer = parity.predict(model, batch.core_ml, name)
        for index, output in enumerate(keras_model.keras_answers(twin, batch.keras)):
            for ending in ENDINGS[plan.loss]:
                expected = ending.expected(output)
                if expected.values.shape == answer.values.shape:
                    found = True
                    gap = parity.gap(expected, answer, is_class)
                    varies = parity.variation(expected, is_class)
                    yield Correspondence(reading, index, ending, gap, look, varies, name)
    if not found:
        raise ParityError("the models have no output of the same shape in common")


def _probabilities(model: Message, plan: Plan) -> str:
    """Return the name of the output that the loss is computed from."""
    names = [feature.name for feature in model.description.output]
    probabilities: str = model.description.predictedProbabilitiesName
    if probabilities in names:
        return probabilities
    outputs = joined(model).outputs
    return next((n for n in names if outputs[n].blob == plan.output_blob), plan.output_blob)


TURNED = ", colours reversed"
READINGS = ("pixels", "preprocessed", f"pixels{TURNED}", f"preprocessed{TURNED}")
"""How Keras's input may follow from an image."""


def readings(model: Message) -> Sequence[str]:
    """Return the ways in which Keras's input may follow from that of Core ML.

    Of images, Keras may take pixels as they are (the network's own scaling became preprocessing)
    or preprocessed, and of colours in the order of the file or the other one (the network's own
    reversal became the file's order).
    """
    images = [f for f in model.description.input if f.type.WhichOneof("Type") == "imageType"]
    if not images:
        return ("arrays",)
    if all(channels(feature.type.imageType) == 1 for feature in images):
        return READINGS[:2]
    return READINGS


def random_samples(
    model: Message, twin: Any, reading: str, count: int, rng: np.random.Generator, look: Look
) -> Samples:
    """Return random samples that look like `look` in the form of each model.

    Raises:
        ParityError: the models take inputs of different shapes.
    """
    features = list(model.description.input)
    if len(features) != len(twin.inputs):
        raise ParityError(
            f"the Core ML model has {len(features)} inputs, the Keras model {len(twin.inputs)}"
        )
    ours, theirs = {}, []
    for feature, tensor in zip(features, twin.inputs, strict=True):
        shape = tuple(tensor.shape[1:])
        if feature.type.WhichOneof("Type") == "imageType":
            size = image_shape(feature)
            if math.prod(size) != math.prod(shape):
                raise ParityError(_unequal(feature, size, shape))
            pixels = np.floor(samples.drawn(rng, (count, *size), look))
            ours[feature.name] = pixels
            theirs.append(_keras_image(model, feature, pixels, reading).reshape(count, *shape))
        else:
            x = samples.drawn(rng, (count, *shape), look)
            theirs.append(x)
            ours[feature.name] = _array(feature, x)
    return Samples(ours, theirs)


def _array(feature: Message, x: Array) -> Array:
    """Return Keras's array as the input `feature` declares it.

    Of rank 3 it may be signals, or gray images whose channel axis the model adds: shapes tell.
    """
    declared = tuple(int(size) for size in feature.type.multiArrayType.shape)
    for axes in (*AXES.values(), GRAY_AXES):
        if len(axes) == x.ndim:
            array = keras_model.core_ml_array(x, axes)
            if array.shape[1:] == declared:
                return array
    raise ParityError(_unequal(feature, declared, x.shape[1:]))


def _unequal(feature: Message, ours: Sequence[int], theirs: Sequence[int]) -> str:
    return f"the input '{feature.name}' takes {list(ours)}, but the Keras model {list(theirs)}"


def _keras_image(model: Message, feature: Message, pixels: Array, reading: str) -> Array:
    image = feature.type.imageType
    is_bgr = (image.colorSpace == image.BGR) != reading.endswith(TURNED)
    colour = "gray" if channels(image) == 1 else "bgr" if is_bgr else "rgb"
    scale, bias = 1.0, (0.0, 0.0, 0.0)
    steps = [
        s for g in joined(model).inputs if g.feature.name == feature.name for s in g.preprocessing
    ]
    for step in steps if reading.startswith("preprocessed") else ():
        scaler = step.scaler
        scale = scaler.channelScale
        bias = (scaler.redBias, scaler.greenBias, scaler.blueBias)
        if colour == "gray":
            bias = (scaler.grayBias,) * 3
    return keras_model.keras_pixels(pixels, ImageInput(colour, scale, bias[: channels(image)]))
