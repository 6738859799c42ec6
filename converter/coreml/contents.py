"""What is told of a ``.mlmodel``: its interface, its layers, and how it is updated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from converter.coreml.figures import count_text, shape_text
from converter.coreml.images import Image
from converter.coreml.interface import Pixels


@dataclass(frozen=True)
class Feature:
    """An input, output or training input; of an array that is an input its shape in `keras`."""

    name: str
    type: str
    description: str = ""
    keras: tuple[int, ...] | None = None

    def __str__(self) -> str:
        in_keras = f" (in Keras {list(self.keras)})" if self.keras else ""
        return f"{self.name}: {self.type}{in_keras}"


@dataclass(frozen=True)
class Layer:
    """A layer: shape of its first output (None where unknown), numbers stored as weights.

    `precision` says how they are stored if not as float32: "float16", "int8" or such; `bytes` what
    they take in the file, with what is needed to read them.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shape: tuple[int | None, ...] | None
    weights: int
    updatable: bool
    precision: str = ""
    bytes: int = 0

    def cells(self) -> tuple[str, ...]:
        """Return the row of a table with `COLUMNS`; the last cell says whether it learns."""
        state = "updatable" if self.updatable else "frozen" if self.weights else ""
        count = count_text(self.weights) + (f" ({self.precision})" if self.precision else "")
        return self.name, self.kind, shape_text(self.shape), count, state


COLUMNS = ("layer", "kind", "output", "weights", "")
"""The head of a table of layers."""


@dataclass(frozen=True)
class Allowed:
    """A number of the update: its default, and the range or the values that an app may choose."""

    default: float
    min: float | None = None
    max: float | None = None
    allowed: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Update:
    """How the model learns on the device."""

    loss: str
    loss_input: str
    target: str
    optimizer: str
    parameters: Mapping[str, Allowed]
    shuffle: bool
    seed: int | None


@dataclass(frozen=True)
class Neighborhood:
    """What a k-nearest-neighbours classifier compares with, and how.

    `samples` counts those of each class; a file may hold more or fewer labels than samples, and
    then they are counted by label. What the file does not say is "none".
    """

    dimensions: int
    neighbors: Allowed
    samples: Mapping[str, int]
    default_label: str | int | None
    index: str
    leaf_size: int | None
    weighting: str
    distance: str


@dataclass(frozen=True)
class Parameters:
    """How many numbers a model has as weights: all, those that learn on the device, the rest."""

    total: int
    learning: int
    frozen: int

    def __str__(self) -> str:
        return f"{self.total:,}: {self.learning:,} learn on the device, {self.frozen:,} stay frozen"


@dataclass(frozen=True)
class CoreMLModel:
    """A Core ML model; `models` are the members of a pipeline, `name` is that of a member.

    `pixels` is what reaches the first layer with weights, if the first input is an image: by all
    scalings of a model that was converted here, by the file's preprocessing of another one.
    `labels` are the classes in the order of their probabilities. `images` are the inputs that are
    images, with the scaler in the file. `parameters` counts what the file stores, that of all
    members together.
    """

    kind: str
    specification_version: int
    updatable: bool
    metadata: Mapping[str, str]
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    training_inputs: tuple[Feature, ...]
    layers: tuple[Layer, ...]
    update: Update | None
    models: tuple[CoreMLModel, ...] = ()
    pixels: Pixels | None = None
    neighbors: Neighborhood | None = None
    name: str = ""
    labels: tuple[str | int, ...] = ()
    images: tuple[Image, ...] = ()
    parameters: Parameters = Parameters(0, 0, 0)

    @property
    def as_one(self) -> CoreMLModel:
        """The same with the layers of all models in a pipeline, and how its last one learns."""
        inside = [member.as_one for member in self.models]
        if not inside:
            return self
        layers = tuple(layer for member in inside for layer in member.layers)
        last = inside[-1]
        return replace(self, layers=layers, update=last.update, neighbors=last.neighbors)
