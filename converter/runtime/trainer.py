"""One update: the learning layers as TensorFlow variables, gradients and steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from converter.arithmetic.told import mean_of_samples
from converter.coreml import mlmodel
from converter.coreml.mlmodel import CROSS_ENTROPY, Floats
from converter.runtime import network
from converter.runtime.backend import CPU, Array, Integers, Rearranged, Tensor, tf
from converter.runtime.held import Held, starts_with_matrices
from converter.runtime.loop import Loop, Pass, Score, averaged, scoring
from converter.runtime.losses import minimised
from converter.runtime.network import Layer
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
        arithmetic, size = settings.arithmetic, settings.batch_size
        self._losses = scoring(plan, self._weights, in_strands, arithmetic)
        self._minimised = minimised(plan.loss, arithmetic, size)
        self._training = Loop(self._train_step, size)
        self._scoring = Loop(averaged(scoring(plan, self._weights, in_strands)), size)

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
    ) -> Pass:
        """Go once through the samples in `order`, one step per mini-batch.

        Losses and accuracy are those of each mini-batch before its step.

        Raises:
            TrainingError: the loss is no longer a number.
        """
        self.optimizer.new_epoch()
        return self._training.through(source, targets, order, on_progress)

    def score(self, source: Source, targets: Array) -> Score:
        """Return mean loss and accuracy with the weights as they are."""
        found = self._scoring.through(source, targets, np.arange(len(source)))
        return Score(mean_of_samples(found.losses, found.sizes), self.accuracy(found))

    def accuracy(self, found: Pass) -> float | None:
        """Return the share of hits; None where the answers are values."""
        return found.accuracy if self.plan.loss == CROSS_ENTROPY else None

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

    def _weights(self, layer: Layer, field: str, shape: Sequence[int]) -> Tensor | Rearranged:
        held = self._held.get((layer.name, field))
        return held.weight() if held else self._stored(layer, field, shape)

    def _train_step(self, blobs: Mapping[str, Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        """Move the weights against the gradient of the loss of one mini-batch."""
        with tf.GradientTape() as tape:
            losses, right = self._losses(blobs, targets)
            loss = self._minimised(losses)
        self.optimizer.apply(self.variables, tape.gradient(loss, self.variables))
        return loss, right


def _held(parameter: Parameter, by_outputs: bool) -> Held:
    with network.refusing(str(parameter.layer)):
        return Held(parameter, by_outputs)
