"""Nine small trainings whose results tell apart how Core ML could count.

One inner product of two inputs and three outputs learns from a few samples, so that every result
can be computed by hand. All numbers are exact in binary; a mini-batch of five samples and three
outputs make every product of the factors that are in question another one. Each training has a
model of its own, whose defaults are its settings: nothing has to be chosen when it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.coreml.mlmodel import (
    CROSS_ENTROPY,
    SQUARED_ERROR,
    FeatureTypes_pb2,
    Message,
    Model_pb2,
    set_floats,
)
from converter.coreml.optimizers import BY_NAME
from converter.device.batch import Array, Batch

WEIGHTS = np.array([[0.5, -0.25], [0.125, 0.75], [-0.5, 0.25]], np.float32)
BIASES = np.array([0.25, -0.125, 0.5], np.float32)
"""What the layer ``dense`` begins with: ``y = WEIGHTS @ x + BIASES``."""

INPUTS = np.array(
    [(1, 0), (0, 1), (1, 1), (-1, 0.5), (0.5, -1), (2, -0.5), (-0.5, 2)], np.float32
)  # fmt: skip
VALUES = np.array(
    [(1, 0, -1), (0, 2, 0.5), (1.5, -0.5, 1), (-1, 1, 0), (0.5, 0.25, -2), (2, -1, 0.75),
     (-0.25, 1.25, 3)], np.float32,
)  # fmt: skip
CLASSES = np.array([0, 1, 2, 1, 0, 2, 2])
"""The samples; the answers for the mean squared error, and those for the cross-entropy."""

BATCH_SIZES = (1, 5)
EPOCHS = (1, 2, 3)
"""What the models allow."""

NUMBERS = {
    "sgd": {"learning_rate": 0.0625, "momentum": 0.0},
    "adam": {"learning_rate": 0.0625, "beta_1": 0.5, "beta_2": 0.75, "epsilon": 0.125},
}
"""The numbers of each optimizer, by their names in Keras; T3 has a momentum."""


@dataclass(frozen=True)
class Training:
    """One training: what learns how from which samples.

    Attributes:
        name: "T1" to "T8", or "T3h".
        asks: the question that its result answers.
        samples: their numbers, in the order in which Core ML is given them.
        loss: the field of the loss layer in the file.
        later_rate: the learning rate from the second epoch on, None if it remains as it is. Core
            ML is told it at the end of the first epoch, by ``resumeWithParameters:``.
    """

    name: str
    asks: str
    samples: tuple[int, ...]
    loss: str = SQUARED_ERROR
    optimizer: str = "sgd"
    momentum: float = 0.0
    epochs: int = 1
    batch_size: int = 5
    shuffle: bool = False
    later_rate: float | None = None

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers of the optimizer, by their names in Keras."""
        numbers = dict(NUMBERS[self.optimizer])
        return numbers | {"momentum": self.momentum} if self.optimizer == "sgd" else numbers

    @property
    def answers(self) -> Array:
        """The answers: class indices ``[n]``, or values ``[n, 3]``."""
        return (CLASSES if self.loss == CROSS_ENTROPY else VALUES)[list(self.samples)]

    @property
    def batch(self) -> Batch:
        """The samples and their answers."""
        return Batch({"x": INPUTS[list(self.samples)]}, self.answers)

    @property
    def model(self) -> Message:
        """The model that learns: ``x [2]`` -> ``y [3]``, its target is ``y_true``."""
        model = Model_pb2.Model(specificationVersion=4, isUpdatable=True)
        description, classifies = model.description, self.loss == CROSS_ENTROPY
        _declare(description.input, "x", 2)
        _declare(description.output, "y", 3)
        _declare(description.trainingInput, "x", 2)
        _declare(description.trainingInput, "y_true", *((1, "INT32") if classifies else (3,)))
        net = model.neuralNetwork
        _add_dense(net, "logits" if classifies else "y")
        if classifies:
            net.layers.add(name="softmax", input=["logits"], output=["y"]).softmax.SetInParent()
        self._set_update(net.updateParams)
        return model

    def _set_update(self, update: Message) -> None:
        loss = getattr(update.lossLayers.add(name="loss"), self.loss)
        loss.input, loss.target = "y", "y_true"
        known = BY_NAME[self.optimizer]
        optimizer = getattr(update.optimizer, f"{self.optimizer}Optimizer")
        for number in known.numbers:
            parameter = getattr(optimizer, number.field)
            parameter.defaultValue = self.numbers[number.keras]
            parameter.range.minValue, parameter.range.maxValue = 0.0, 1.0
        optimizer.miniBatchSize.defaultValue = self.batch_size
        optimizer.miniBatchSize.set.values[:] = BATCH_SIZES
        update.epochs.defaultValue = self.epochs
        update.epochs.set.values[:] = EPOCHS
        update.shuffle.defaultValue = self.shuffle
        update.seed.defaultValue = 0


def _declare(features: Any, name: str, size: int, kind: str = "FLOAT32") -> None:
    array = features.add(name=name).type.multiArrayType
    array.shape[:] = [size]
    array.dataType = FeatureTypes_pb2.ArrayFeatureType.ArrayDataType.Value(kind)


def _add_dense(net: Message, output: str) -> None:
    layer = net.layers.add(name="dense", input=["x"], output=[output], isUpdatable=True)
    dense = layer.innerProduct
    dense.inputChannels, dense.outputChannels, dense.hasBias = 2, 3, True
    for params, array in ((dense.weights, WEIGHTS), (dense.bias, BIASES)):
        set_floats(params, array)
        params.isUpdatable = True


FIVE, SEVEN, FOUR = tuple(range(5)), tuple(range(7)), (1, 2, 5, 6)

TRAININGS = (
    Training("T1", "the factor of the squared error, and what it reduces by", FIVE),
    Training("T2", "the last, smaller mini-batch", SEVEN),
    Training("T3", "the momentum", FIVE, momentum=0.5, epochs=3),
    Training("T3h", "the momentum's learning rate", FIVE, momentum=0.5, epochs=3,
             later_rate=0.03125),
    Training("T4", "Adam", SEVEN, optimizer="adam", epochs=2),
    Training("T5", "what the cross-entropy reduces by", FIVE, loss=CROSS_ENTROPY),
    Training("T6", "the last mini-batch of the cross-entropy", SEVEN, loss=CROSS_ENTROPY),
    Training("T7", "the order of the samples", FOUR, batch_size=1, shuffle=True),
    Training("T8", "the order in the second epoch", FOUR, batch_size=1, shuffle=True, epochs=2),
)  # fmt: skip
"""All of them, in the order in which their results are read: the factors first."""
