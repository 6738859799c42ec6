"""What a model is as one list of layers: what is given, what runs, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from converter.coreml import shapes
from converter.coreml.indices import index_counts_of
from converter.coreml.mlmodel import Message
from converter.runtime.neighbors import Search
from converter.runtime.network import Layer


@dataclass(frozen=True)
class Input:
    """What is given, as a network declares it; `preprocessing` is what that does to images."""

    blob: str
    feature: Message
    preprocessing: Sequence[Message]


@dataclass(frozen=True)
class Output:
    """A feature that a model makes: a blob, or with `labels` the label of the best class in it."""

    blob: str
    shape: shapes.Shape | None
    is_array: bool
    labels: Sequence[str] | Sequence[int] | None = None


@dataclass
class Joined:
    """A model as one list of layers.

    Attributes:
        layers: those of all networks, in the order in which they run.
        inputs: what is given to the networks.
        searches: the k-nearest-neighbours classifiers, which run behind the layers.
        outputs: the outputs of the model, by name.
        last: the last network, which may learn.
        blobs: the blobs of the last network: their names in the file to their names here.
        networks: how many there are.
    """

    layers: list[Layer] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    searches: list[Search] = field(default_factory=list)
    outputs: dict[str, Output] = field(default_factory=dict)
    last: Message = None
    blobs: dict[str, str] = field(default_factory=dict)
    networks: int = 0

    @property
    def given(self) -> list[str]:
        """The blobs that are there before any layer runs."""
        return [given.blob for given in self.inputs]

    @property
    def index_counts(self) -> dict[str, int]:
        """The inputs, by name, that are indices into a table, and how many rows that has."""
        counts = index_counts_of([(each.message, each.input, each.output) for each in self.layers])
        return {g.feature.name: counts[g.blob] for g in self.inputs if g.blob in counts}

    @property
    def wanted(self) -> list[str]:
        """The blobs that layers have to compute for the outputs."""
        searched = {blob: each.features for each in self.searches for blob in each.made}
        blobs = (output.blob for output in self.outputs.values())
        return list(dict.fromkeys(searched.get(blob, blob) for blob in blobs))
