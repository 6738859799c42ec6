"""What a Core ML model shows to the app: names, image input, class labels."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from converter.coreml.mlmodel import Message

Labels = tuple[str, ...] | tuple[int, ...]
"""Class labels, all strings or all integers, in the order of the model's outputs."""


NARROW = 16.0
"""Pixels that spread over no more than this have been scaled; networks take about -1 to 1."""

OWN_KEYS = "make-updatable."
"""Start of the metadata keys that this tool writes itself."""

PIXELS_KEY = f"{OWN_KEYS}pixels"
"""Metadata: what all scalings together make of an image's pixels, as JSON."""

SHAPES_KEY = f"{OWN_KEYS}keras_shapes"
"""Metadata: the shapes in Keras, by input, of which the declared ones do not tell, as JSON."""

KERNELS_KEY = f"{OWN_KEYS}keras_kernels"
"""Metadata: the shapes in Keras of kernels that learn, by layer, where its kind does not tell, as
JSON."""


@dataclass(frozen=True)
class ImageInput:
    """An image input: colour order, and ``scale * pixel + bias`` before the first layer.

    `colour` is "rgb", "bgr" or "gray". Pixels go from 0 to 255. `bias` is one number for
    all channels, or one per channel, red first.
    """

    colour: str
    scale: float = 1.0
    bias: tuple[float, ...] = (0.0,)

    @property
    def channels(self) -> int:
        """The number of colour channels."""
        return 1 if self.colour == "gray" else 3


@dataclass(frozen=True)
class Pixels:
    """What reaches the first layer with weights: ``scale * pixel + bias``.

    One number for each channel, red first; pixels go from 0 to 255.
    """

    scale: tuple[float, ...]
    bias: tuple[float, ...]

    def __str__(self) -> str:
        pairs = list(zip(self.scale, self.bias, strict=True))
        if len(set(pairs)) == 1:
            return _affine(*pairs[0])
        colours = ("red", "green", "blue")
        return "; ".join(f"{c}: {_affine(*p)}" for c, p in zip(colours, pairs, strict=True))


def _affine(scale: float, bias: float) -> str:
    shift = f" {'-' if bias < 0 else '+'} {abs(bias):.6g}" if bias else ""
    return f"{scale:.6g} × pixel{shift}"


@dataclass(frozen=True)
class Interface:
    """Names of inputs and outputs, the image input if there is one, the labels of a classifier.

    For a classifier `output` names the probabilities and `label` the predicted class. `pixels` is
    what all scalings together make of an image.
    """

    inputs: tuple[str, ...]
    output: str
    image: ImageInput | None = None
    labels: Labels | None = None
    label: str = "classLabel"
    pixels: Pixels | None = None

    @property
    def names(self) -> set[str]:
        """All names that no layer may take."""
        return {*self.inputs, self.output, self.label, f"{self.output}_true", "loss"}


def told(spec: Message, key: str) -> Mapping[str, Any]:
    """Return the lists that the metadata `key` tells by name, none if others wrote it otherwise."""
    with contextlib.suppress(ValueError):
        found = json.loads(spec.description.metadata.userDefined.get(key, "{}"))
        if isinstance(found, dict) and all(isinstance(value, list) for value in found.values()):
            return found
    return {}
