"""What a Core ML model shows to the app: names, image input, class labels."""

from __future__ import annotations

from dataclasses import dataclass

Labels = tuple[str, ...] | tuple[int, ...]
"""Class labels, all strings or all integers, in the order of the model's outputs."""


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
class Interface:
    """Names of inputs and outputs, the image input if there is one, the labels of a classifier.

    For a classifier `output` names the probabilities and `label` the predicted class.
    """

    inputs: tuple[str, ...]
    output: str
    image: ImageInput | None = None
    labels: Labels | None = None
    label: str = "classLabel"

    @property
    def names(self) -> set[str]:
        """All names that no layer may take."""
        return {*self.inputs, self.output, self.label, f"{self.output}_true", "loss"}
