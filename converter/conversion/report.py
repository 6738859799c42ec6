"""What a conversion did, for the person who reads it."""

from __future__ import annotations

from dataclasses import dataclass

from converter.conversion.compression import Compression
from converter.coreml.inspection import CoreMLModel


@dataclass(frozen=True, kw_only=True)
class Report(CoreMLModel):
    """A finished conversion: what the written file holds, and what there is to say about it.

    Of a pipeline, `layers` are those of both models, `update` is that of the last. `loss` is what
    the device minimises, by its name in recipes; empty if nothing is. `size` is in bytes, `parity`
    the difference from Keras relative to the range of its output (None if they were not compared),
    and `doubt` why that proves little; empty where it proves something. `compression` tells what
    the same model is like with all weights in float32, if some are in less.
    """

    loss: str
    size: int
    parity: float | None
    notes: tuple[str, ...]
    doubt: str = ""
    compression: Compression | None = None

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
