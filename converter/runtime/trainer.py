"""One update: the learning layers as TensorFlow variables, gradients and steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from converter.coreml import mlmodel
from converter.coreml.mlmodel import CROSS_ENTROPY, Floats, Message
from converter.runtime import network
from converter.runtime.backend import CPU, Array, Integers, Rearranged, Tensor, tf
from converter.runtime.held import Held, starts_with_matrices
from converter.runtime.loop import Loop, Score, scoring
from converter.runtime.optimizers import Optimizer, optimizer
from converter.runtime.plan import Parameter, Plan
from converter.runtime.settings import Settings
from converter.runtime.sources import Source
from converter.runtime.strands import can_divide
from converter.runtime.weights import StoredWeights


class Trainer:
    """Trains the learning layers of `plan`; the model itself changes only at `write_back`."""

    def __init__(self, plan: Plan, settings: Settings) -> None:
        by_outputs = starts_with_matrices(plan)
        in_strands = not by_outputs and can_divide(plan.learning, settings.batch_size)
        self.optimizer: Optimizer
        with tf.device(CPU):
            self._held = {p.key: _held(p, by_outputs) for p in plan.parameters}
            self.variables = [v for held in self._held.values() for v in held.variables]
            self.optimizer = optimizer(settings, self.variables)
        self.plan = plan
        self._stored = StoredWeights(keep=True)
        self._compute = scoring(plan, self._weights, in_strands)
        self._training = Loop(self._train_step, settings.batch_size)
        self._scoring = Loop(self._compute, settings.batch_size)

    @property
    def state(self) -> list[Tensor]:
        """All variables that an interrupted training has to restore."""
        return [*self.variables, *self.optimizer.slots]

    def epoch(
        self,
        source: Source,
        targets: Array,
        order: Integers,
        on_progress: Callable[[int], None] = lambda done: None,
    ) -> Score:
        """Go once through the samples in `order`, one step per mini-batch.

        The score is that of each mini-batch before its step, as Keras shows it.

        Raises:
            TrainingError: the loss is no longer a number.
        """
        return self._score(*self._training.through(source, targets, order, on_progress))

    def score(self, source: Source, targets: Array) -> Score:
        """Return loss and accuracy with the weights as they are."""
        return self._score(*self._scoring.through(source, targets, np.arange(len(source))))

    def stored(self, tensors: Sequence[Tensor]) -> list[Floats]:
        """Return `tensors`, one like each of `variables`, for each parameter as the file has it."""
        remaining = iter(tensors)
        return [
            held.stored([next(remaining) for _ in held.variables]) for held in self._held.values()
        ]

    def write_back(self) -> None:
        """Put the trained weights into the model."""
        for parameter, values in zip(
            self.plan.parameters, self.stored(self.variables), strict=True
        ):
            mlmodel.set_floats(parameter.stored, values)

    def _score(self, loss: float, accuracy: float) -> Score:
        return Score(loss, accuracy if self.plan.loss == CROSS_ENTROPY else None)

    def _weights(self, layer: Message, field: str, shape: Sequence[int]) -> Tensor | Rearranged:
        held = self._held.get((layer.name, field))
        return held.weight() if held else self._stored(layer, field, shape)

    def _train_step(self, blobs: Mapping[str, Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        """Move the weights against the gradient of the mean loss of one mini-batch."""
        with tf.GradientTape() as tape:
            losses, right = self._compute(blobs, targets)
            loss = tf.reduce_mean(losses)
        self.optimizer.apply(self.variables, tape.gradient(loss, self.variables))
        return losses, right


def _held(parameter: Parameter, by_outputs: bool) -> Held:
    with network.refusing(f"layer '{parameter.layer.name}'"):
        return Held(parameter, by_outputs)
