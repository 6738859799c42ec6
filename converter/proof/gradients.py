"""The gradients of both models in one step, and Keras's optimizer on those of the runtime.

Adam divides a gradient by its own size: where a gradient is zero but for rounding, two correct
programs may step in opposite directions. So steps are not compared as a whole, but in two halves
that are both exact: the gradients of the same weights and samples, and what the optimizers make of
the same gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from converter.backend.keras import any_names, failures_noted
from converter.backend.layouts import any_layout
from converter.backend.tensorflow import keras, tf
from converter.coreml.optimizers import OPTIMIZERS
from converter.errors import ParityError
from converter.proof.correspondence import Correspondence
from converter.proof.keras_model import cannot, one_by_one
from converter.proof.pairing import Pair
from converter.runtime import Settings
from converter.runtime.optimizers import Optimizer
from converter.trace.program import Array


def keras_gradients(
    model: Any, pairs: Sequence[Pair], found: Correspondence, samples: Sequence[Array], y: Array
) -> list[Array]:
    """Return Keras's gradient of the mean loss for each pair, ``[n]`` in the order of Core ML.

    The model runs in inference mode, for Core ML has neither dropout nor the batch's statistics;
    penalties on weights and activities are no part of the loss. The mean is over the samples one
    by one where the model takes one sample only.

    Raises:
        ParityError: Keras cannot compute it.
    """
    with _failures_explained():
        with suppress(tf.errors.InvalidArgumentError):
            return _gradients(model, pairs, found, samples, y)
        each = [
            _gradients(model, pairs, found, sample, y[i : i + 1])
            for i, sample in enumerate(one_by_one(samples))
        ]
        return [np.mean(parts, axis=0) for parts in zip(*each, strict=True)]


@contextmanager
def _failures_explained() -> Iterator[None]:
    """Tell at which layer Keras, or code of the user's own, fails."""
    failed: list[Any] = []
    try:
        with failures_noted(failed):
            yield
    except Exception as error:  # whatever they raise
        what = cannot("compute gradients on random samples", failed, error)
        raise ParityError(f"{what}, so no update step can be compared") from error


def _gradients(
    model: Any, pairs: Sequence[Pair], found: Correspondence, samples: Sequence[Array], y: Array
) -> list[Array]:
    weights = [pair.variable.value for pair in pairs]
    with any_layout(), any_names(), tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(weights)
        outputs = model(samples[0] if len(samples) == 1 else list(samples), training=False)
        output = keras.tree.flatten(outputs)[found.output]
        if found.ending.classes(1) and len(output.shape) > 2:
            output = keras.ops.reshape(output, (len(y), -1))
        loss = found.ending.loss()(y[:, None] if y.ndim == 1 else y, output)
    gradients = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [pair.in_order(np.asarray(g)) for pair, g in zip(pairs, gradients, strict=True)]


def shaken(samples: Sequence[Array]) -> list[Array]:
    """Return `samples` with each number changed in its last digit, up or down."""
    rng = np.random.default_rng(0)
    return [np.nextafter(x, x + rng.choice((-1, 1), x.shape).astype(x.dtype)) for x in samples]


class Recording(Optimizer):
    """An optimizer of the runtime that keeps the `gradients` it is given."""

    def __init__(self, optimizer: Optimizer, variables: Sequence[Any]) -> None:
        self._optimizer = optimizer
        self.slots = optimizer.slots
        self.gradients = [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]

    def apply(self, variables: Sequence[Any], gradients: Sequence[Any]) -> None:
        """Do one step."""
        for kept, gradient in zip(self.gradients, gradients, strict=True):
            kept.assign(gradient)
        self._optimizer.apply(variables, gradients)


class KerasSteps:
    """Keras's optimizer with `settings`, on copies of the runtime's `variables`."""

    def __init__(self, variables: Sequence[Any], settings: Settings) -> None:
        self.variables = [keras.Variable(variable.numpy()) for variable in variables]
        self._optimizer = keras_optimizer(settings)

    def apply(self, gradients: Sequence[Any]) -> None:
        """Do one step."""
        self._optimizer.apply([g.read_value() for g in gradients], self.variables)


def keras_optimizer(settings: Settings) -> Any:
    """Return Keras's optimizer with `settings`."""
    kind = getattr(keras.optimizers, OPTIMIZERS[settings.optimizer].keras)
    return kind(**settings.numbers)
