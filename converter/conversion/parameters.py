"""How many weights a Keras model has, as its own ``summary()`` counts them, and how many learn."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from converter.coreml.contents import Parameters
from converter.trace.layer_table import LayerTable


@dataclass(frozen=True)
class KerasParameters(Parameters):
    """The same of a Keras model, in which a weight that several layers share counts once.

    `trainable` and `non_trainable` are what Keras would train and what not: the total is the sum of
    these two, and that of those that learn on the device and those that stay frozen there.
    """

    trainable: int
    non_trainable: int

    def __str__(self) -> str:
        device = f"{self.learning:,} learn on the device, {self.frozen:,} stay frozen"
        in_keras = f"{self.trainable:,} trainable, {self.non_trainable:,} not"
        return f"{self.total:,}: {device} (in Keras {in_keras})"


def parameters(model: Any, learning: Collection[str]) -> KerasParameters:
    """Return the counts of the live Keras `model`, of which the layers named `learning` learn.

    Keras counts ``model.weights``: https://keras.io/api/models/model/#summary-method
    """
    total, trainable = count(model.weights), count(model.trainable_weights)
    owner = LayerTable(model).owner
    learn = count(weight for weight in model.weights if owner(weight).name in learning)
    return KerasParameters(total, learn, total - learn, trainable, total - trainable)


def count(weights: Iterable[Any]) -> int:
    """Return how many numbers the variables `weights` hold."""
    return sum(math.prod(weight.shape) for weight in weights)
