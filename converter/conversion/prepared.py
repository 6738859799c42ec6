"""What a conversion has made ready to be written and proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from converter.conversion.parameters import KerasParameters
from converter.coreml.mlmodel import Message
from converter.coreml.pipelines import members
from converter.learning.cut import Weights
from converter.neighbors.filling import Filling
from converter.proof.predictions import Expectation
from converter.runtime import Samples


@dataclass
class Prepared:
    """A marked model, the weights that go into its file, and what it must then predict.

    Attributes:
        loss: what is minimised, by its name in recipes; empty if nothing is.
        changed: the layers whose weights are not those of a layer of Keras any more.
        plain: the same with all weights in float32, if some of them are stored in less.
        samples: those to compare the predicted classes of both on.
        twin: the live Keras model, if update steps are to be compared with its.
        features_only: whether what is expected is what the first model of a pipeline gives.
        filling: the samples that the last one begins with; the written file makes their features.
        parameters: how many weights the Keras model has, and how many of them learn.
    """

    spec: Message
    weights: Weights
    expected: Expectation | None
    loss: str
    notes: tuple[str, ...]
    changed: frozenset[str] = frozenset()
    plain: tuple[Message, Weights] | None = None
    samples: Samples | None = None
    twin: Any | None = None
    features_only: bool = False
    filling: Filling | None = None
    parameters: KerasParameters | None = None

    def compared(self, written: Message) -> Message:
        """Return what of the `written` model is compared with Keras."""
        return members(written)[0][1] if self.features_only else written
