"""How the output of a Core ML model follows from that of the Keras model, and the loss of both.

A row is a claim; which one holds is found by comparing predictions, so a wrong one cannot pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from converter.backend.tensorflow import keras
from converter.coreml.mlmodel import CROSS_ENTROPY, SQUARED_ERROR
from converter.learning.answers import (
    Answer,
    as_it_is,
    logit_as_two,
    sigmoid_as_two,
    with_softmax,
)


@dataclass(frozen=True)
class Ending:
    """One way in which a network can end.

    Attributes:
        expected: Keras's answer to what the Core ML model answers.
        loss: makes the Keras loss that the update minimises.
        classes: how many classes the loss knows, given the size of Keras's last axis; 0 for values.
        is_doubled: whether one unit of Keras became two, whose difference moves twice as fast.
    """

    name: str
    expected: Callable[[Answer], Answer]
    loss: Callable[[], Any]
    classes: Callable[[int], int]
    is_doubled: bool = False


LOSSES = keras.losses

ENDINGS = {
    CROSS_ENTROPY: (
        Ending("softmax", as_it_is, LOSSES.SparseCategoricalCrossentropy, lambda n: n),
        Ending(
            "logits, with a softmax added",
            with_softmax,
            lambda: LOSSES.SparseCategoricalCrossentropy(from_logits=True),
            lambda n: n,
        ),
        Ending(
            "one sigmoid unit as two classes",
            sigmoid_as_two,
            LOSSES.BinaryCrossentropy,
            lambda n: 2,
            True,
        ),
        Ending(
            "one logit as two classes",
            logit_as_two,
            lambda: LOSSES.BinaryCrossentropy(from_logits=True),
            lambda n: 2,
            True,
        ),
    ),
    SQUARED_ERROR: (Ending("values", as_it_is, LOSSES.MeanSquaredError, lambda n: 0),),
}
"""Loss of Core ML -> the ways in which a network with it can end."""
