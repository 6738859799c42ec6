"""The numbers of Core ML's two optimizers: what each is called, and Keras's default."""

from __future__ import annotations

import math
from dataclasses import dataclass

LARGEST_INTEGER = 2**63 - 1
"""Core ML files hold whole numbers in 64 bits."""


@dataclass(frozen=True)
class Number:
    """One number of an optimizer.

    Attributes:
        keras: its name in Keras, and in recipes, flags and Python here.
        field: its field in the file, called like the case of ``MLParameterKey``.
        default: Keras's default.
        required: Apple's validator refuses an optimizer without it.
        is_step: with 0 nothing is learned.
        is_decay: with 1 or more, what is remembered never fades.
    """

    keras: str
    field: str
    default: float
    required: bool = True
    is_step: bool = False
    is_decay: bool = False

    def complaint(self, value: float) -> str | None:
        """Return what is wrong with `value`, None if an optimizer can work with it."""
        if not math.isfinite(value):
            return "is not a finite number"
        if value < 0:
            return f"is negative; it must be {'more than 0' if self.is_step else '0 or more'}"
        if self.is_step and value == 0:
            return "means that nothing is learned; it must be more than 0"
        if self.is_decay and value >= 1:
            return "must be below 1"
        return None


@dataclass(frozen=True)
class Optimizer:
    """One optimizer: its name in recipes, the name of its Keras class, its numbers."""

    name: str
    keras: str
    numbers: tuple[Number, ...]

    @property
    def defaults(self) -> dict[str, float]:
        """Keras name of each number -> Keras's default."""
        return {number.keras: number.default for number in self.numbers}


OPTIMIZERS = {
    "sgdOptimizer": Optimizer(
        "sgd",
        "SGD",
        (
            Number("learning_rate", "learningRate", 0.01, is_step=True),
            Number("momentum", "momentum", 0.0, required=False, is_decay=True),
        ),
    ),
    "adamOptimizer": Optimizer(
        "adam",
        "Adam",
        (
            Number("learning_rate", "learningRate", 0.001, is_step=True),
            Number("beta_1", "beta1", 0.9, is_decay=True),
            Number("beta_2", "beta2", 0.999, is_decay=True),
            Number("epsilon", "eps", 1e-7),
        ),
    ),
}
"""Field of ``Optimizer`` in the file -> what it is.

Sources: ``NeuralNetwork.proto`` of apple/coremltools, ``validateOptimizer`` in its
``UpdatableNeuralNetworkValidator.cpp``; ``keras.optimizers.SGD`` and ``Adam``.
"""

BATCH_SIZE = "miniBatchSize"
"""The field of either optimizer that is no number of its arithmetic: the size of a mini-batch."""

BY_NAME = {optimizer.name: optimizer for optimizer in OPTIMIZERS.values()}
"""Name in recipes -> optimizer."""

NUMBERS = {n.keras: n for optimizer in OPTIMIZERS.values() for n in optimizer.numbers}
"""Keras name of each number -> what it is, but for its default, which each optimizer has itself."""

FIELDS = {n.field: n.keras for optimizer in OPTIMIZERS.values() for n in optimizer.numbers} | {
    BATCH_SIZE: "batch_size"
}
"""Field of an optimizer -> its name in recipes, flags and Python."""

TRAINING = ("epochs", "batch_size", *NUMBERS, "shuffle", "seed")
"""Everything that can be chosen for one update, by its name in flags and Python."""
