"""What a conversion did, for the person who reads it."""

from __future__ import annotations

from dataclasses import dataclass

from converter.conversion.compression import Compression
from converter.coreml.contents import CoreMLModel, Parameters
from converter.coreml.inspection import inspect
from converter.coreml.mlmodel import CROSS_ENTROPY, SQUARED_ERROR, Message

LOSSES = {CROSS_ENTROPY: "categorical_crossentropy", SQUARED_ERROR: "mean_squared_error"}
"""Loss in the file -> its name in recipes."""


@dataclass(frozen=True, kw_only=True)
class Report(CoreMLModel):
    """A finished conversion: what the written file holds, and what there is to say about it.

    Of a pipeline, `layers` are those of both models, `update` is that of the last. `loss` is what
    the device minimises, by its name in recipes; empty if nothing is. `size` is in bytes, `parity`
    the difference from Keras relative to the range of its output (None if they were not compared),
    and `doubt` why that proves little; empty where it proves something. `compression` tells what
    the same model is like with all weights in float32, if some are in less. `parameters` counts the
    weights of the Keras model, where that is known, `stored` those in the file: what is folded into
    a layer is no weight any more.
    """

    loss: str
    size: int
    parity: float | None
    notes: tuple[str, ...]
    doubt: str = ""
    compression: Compression | None = None
    stored: Parameters | None = None

    @property
    def caution(self) -> str:
        """What to put behind the figure of parity: that it proves little, if so, and why."""
        return f" (proves little: {self.doubt})" if self.doubt else ""

    @property
    def learning(self) -> str:
        """The names of the layers that learn, with commas between them, or how else."""
        if self.neighbors is not None:
            return "k nearest neighbors"
        return ", ".join(layer.name for layer in self.layers if layer.updatable)


def report_of(spec: Message, size: int) -> Report:
    """Return what there is to say about the model `spec`, of `size` bytes, that was not converted.

    Of a pipeline, layers and update are told as those of one model.
    """
    found = inspect(spec).as_one
    loss = LOSSES.get(found.update.loss, "") if found.update else ""
    return Report(**vars(found), loss=loss, size=size, parity=None, notes=())
