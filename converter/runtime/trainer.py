"""One update: the learning layers as TensorFlow variables, gradients and steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from converter import mlmodel
from converter.mlmodel import CROSS_ENTROPY, Floats, Message
from converter.runtime.backend import CPU, Array, Integers, Tensor, Transposed, tf
from converter.runtime.loop import Loop, Score, scoring
from converter.runtime.optimizers import optimizer
from converter.runtime.plan import Parameter, Plan
from converter.runtime.settings import Settings
from converter.runtime.sources import Source
from converter.runtime.weights import StoredWeights


class Trainer:
    """Trains the learning layers of `plan`; the model itself changes only at `write_back`."""

    def __init__(self, plan: Plan, settings: Settings) -> None:
        self.plan = plan
        with tf.device(CPU):
            self.variables = [tf.Variable(_training_order(p, plan)) for p in plan.parameters]
            self.optimizer = optimizer(settings, self.variables)
        self._by_key = dict(zip((p.key for p in plan.parameters), self.variables, strict=True))
        self._stored = StoredWeights(keep=True)
        self._compute = scoring(plan, self._weights)
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

    def write_back(self) -> None:
        """Put the trained weights into the model."""
        for parameter, variable in zip(self.plan.parameters, self.variables, strict=True):
            mlmodel.set_floats(parameter.stored, variable.numpy().T)

    def _score(self, loss: float, accuracy: float) -> Score:
        return Score(loss, accuracy if self.plan.loss == CROSS_ENTROPY else None)

    def _weights(self, layer: Message, field: str, shape: Sequence[int]) -> Tensor | Transposed:
        variable = self._by_key.get((layer.name, field))
        if variable is None:
            return self._stored(layer, field, shape)
        return Transposed(variable) if len(variable.shape) == 2 else tf.reshape(variable, shape)

    def _train_step(self, blobs: Mapping[str, Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        """Move the weights against the gradient of the mean loss of one mini-batch."""
        with tf.GradientTape() as tape:
            losses, right = self._compute(blobs, targets)
            loss = tf.reduce_mean(losses)
        self.optimizer.apply(self.variables, tape.gradient(loss, self.variables))
        return losses, right


def _training_order(parameter: Parameter, plan: Plan) -> Floats:
    """Return the stored values in the order in which training is fastest; all but matrices flat.

    The matrix of the lowest inner product that learns is transposed. Above it, where the gradient
    by the input is computed as well, the order as stored is faster.
    """
    values, layer = mlmodel.floats(parameter.stored), parameter.layer
    is_matrix = layer.WhichOneof("layer") == "innerProduct" and parameter.field == "weights"
    if is_matrix and layer.input[0] in plan.features:
        matrix: Floats = values.reshape(-1, int(layer.innerProduct.inputChannels)).T
        return matrix
    return values
