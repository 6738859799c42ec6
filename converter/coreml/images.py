"""Image inputs: their size and the order of their colours, and what happens to their pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from converter.coreml import mlmodel
from converter.coreml.features import channels
from converter.coreml.interface import PIXELS_KEY, Pixels, told
from converter.coreml.mlmodel import Message
from converter.coreml.pipelines import members


@dataclass(frozen=True)
class Image:
    """An image input and its scaler: ``scale * pixel + bias``, one number per channel, red first.

    `colour` is the order in which channels reach the network: "rgb", "bgr" or "gray". Where the
    file also subtracts an image of its own, `mean_image` is true.
    """

    name: str
    colour: str
    width: int
    height: int
    scale: tuple[float, ...]
    bias: tuple[float, ...]
    mean_image: bool = False

    def __str__(self) -> str:
        less = ", less a mean image" if self.mean_image else ""
        scaler = Pixels(self.scale, self.bias)
        return f"{self.name}: {self.colour} {self.width} × {self.height}, {scaler}{less}"


def images(spec: Message) -> Iterator[Image]:
    """Yield the image inputs of `spec`, with what the network that reads them does to pixels."""
    net = mlmodel.network(next((member for _, member in members(spec)), spec))
    steps = [] if net is None else list(net.preprocessing)
    for feature in spec.description.input:
        if feature.type.WhichOneof("Type") != "imageType":
            continue
        image = feature.type.imageType
        own = [step for step in steps if step.featureName in ("", feature.name)]
        scale, bias = _scaler(own, channels(image))
        colour = word(image.ColorSpace, image.colorSpace)
        yield Image(
            feature.name, COLOURS.get(colour, colour), image.width, image.height, scale, bias,
            any(step.HasField("meanImage") for step in own),
        )  # fmt: skip


COLOURS = {"grayscale": "gray", "grayscale_float16": "gray"}
"""Colour space in the format -> its name in recipes, where that is another one."""


def _scaler(steps: Iterable[Message], count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return scale and bias of each of `count` channels, red first, by preprocessing `steps`."""
    scaler = next((step.scaler for step in steps if step.HasField("scaler")), None)
    if scaler is None:
        return (1.0,) * count, (0.0,) * count
    coloured = (scaler.redBias, scaler.greenBias, scaler.blueBias)
    return (scaler.channelScale,) * count, (scaler.grayBias,) if count == 1 else coloured


def pixels(spec: Message) -> Pixels | None:
    """Return what reaches the first layer with weights if one input is an image.

    That is by all scalings of a model that was converted here, by the file's own of another one.
    """
    found = list(images(spec))
    net = mlmodel.network(next((member for _, member in members(spec)), spec))
    if len(found) != 1 or net is None:
        return None
    all_told = told(spec, PIXELS_KEY)
    if {"scale", "bias"} <= all_told.keys():
        return Pixels(tuple(all_told["scale"]), tuple(all_told["bias"]))
    return Pixels(found[0].scale, found[0].bias)


def word(enumeration: Any, number: int) -> str:
    """Return the name of a number, as a file may hold numbers of a later version of the format."""
    return enumeration.Name(number).lower() if number in enumeration.values() else f"kind {number}"
