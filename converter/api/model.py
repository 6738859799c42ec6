"""`UpdatableModel`: all that can be done with a Core ML model that learns."""

from __future__ import annotations

from dataclasses import dataclass

from converter.api.learning import Learning
from converter.api.proving import Proving
from converter.api.saving import Saving
from converter.api.showing import Showing
from converter.api.weights import Weights


@dataclass(frozen=True, repr=False, eq=False)
class UpdatableModel(Saving, Proving, Weights, Learning, Showing):
    """A Core ML model that learns, in memory.

    Attributes:
        spec: the protobuf message ``Model``, as coremltools knows it.
        report: what the conversion did: layers, interface, update, size, parity, notes.
        recipe: everything that the conversion was told; None of a model of another tool.
        history: how the training went, if the model comes from `train`.
    """
