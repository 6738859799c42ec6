"""What a training of `converter.device.trainings` would leave, counted in any way, in NumPy.

The network is one inner product, ``y = W x + b``, with a mean squared error or with a softmax and
a cross-entropy, so that gradients take a line. All is computed in 64 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from converter.arithmetic import Arithmetic
from converter.arithmetic.adam import ADAMS, COUNT_EPOCHS
from converter.arithmetic.last_batch import FULL_SIZE, LAST_BATCHES, Integers
from converter.arithmetic.momentum import MOMENTA
from converter.arithmetic.order import ORDERS
from converter.coreml.mlmodel import CROSS_ENTROPY
from converter.device.trainings import BIASES, WEIGHTS, Training

Doubles: TypeAlias = npt.NDArray[np.float64]

Move: TypeAlias = Callable[[Doubles, int], Doubles]
"""A gradient and the number of the epoch to the change of the weights."""


@dataclass(frozen=True)
class Prediction:
    """What a training would leave.

    Attributes:
        weights: flat, as in the file, and behind them the biases; ``[9]``.
        losses: of each mini-batch before its step, epoch by epoch.
        sizes: of the mini-batches of an epoch.
    """

    weights: Doubles
    losses: tuple[Doubles, ...]
    sizes: Integers


def predicted(
    training: Training, arithmetic: Arithmetic, orders: Sequence[Integers] | None = None
) -> Prediction:
    """Return what `training` would leave.

    `orders` are those of its samples in each epoch, instead of what the arithmetic says.
    """
    x, answers, zero = _samples(training)
    weights = np.append(WEIGHTS, BIASES[:, None], axis=1).astype(np.float64)
    move, losses, size = _optimizer(training, arithmetic), list[Doubles](), training.batch_size
    for epoch, order in enumerate(orders or _orders(training, arithmetic), 1):
        taken = LAST_BATCHES[arithmetic.last_batch](order, size, zero)
        batches = np.split(taken, range(size, len(taken), size))
        losses.append(np.zeros(len(batches)))
        for number, batch in enumerate(batches):
            loss, gradient = _gradient(training, arithmetic, weights, x[batch], answers[batch])
            losses[-1][number] = loss
            weights = weights + move(gradient, epoch)
    left = np.append(weights[:, :2], weights[:, 2])
    return Prediction(left, tuple(losses), np.array([len(batch) for batch in batches]))


def _orders(training: Training, arithmetic: Arithmetic) -> list[Integers]:
    way = ORDERS[arithmetic.order if training.shuffle else "given"]
    return [way(0, epoch, len(training.samples)) for epoch in range(1, training.epochs + 1)]


def _samples(training: Training) -> tuple[Doubles, Doubles, int]:
    """Return inputs with a 1 behind them, answers as rows, and the index of a sample of zeros."""
    inputs = np.array(training.batch.inputs["x"], np.float64)
    answers = np.asarray(training.answers)
    if training.loss == CROSS_ENTROPY:
        answers = np.append(answers, 0)
        rows = np.eye(len(BIASES))[answers]
    else:
        rows = np.append(answers, np.zeros((1, len(BIASES))), axis=0)
    x = np.append(inputs, np.zeros((1, inputs.shape[1])), axis=0)
    return np.append(x, np.ones((len(x), 1)), axis=1), rows.astype(np.float64), len(inputs)


def _gradient(
    training: Training, arithmetic: Arithmetic, weights: Doubles, x: Doubles, answers: Doubles
) -> tuple[float, Doubles]:
    """Return the loss of a mini-batch and its gradient, ``[3, 3]``: weights, biases behind them."""
    outputs = x @ weights.T
    if training.loss == CROSS_ENTROPY:
        shares = np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True)
        losses, slopes = -np.log((shares * answers).sum(1)), shares - answers
    else:
        losses, slopes = ((outputs - answers) ** 2).sum(1), 2 * (outputs - answers)
    scale = _scale(training, arithmetic, len(x))
    return scale * float(losses.sum()), scale * slopes.T @ x


def _scale(training: Training, arithmetic: Arithmetic, samples: int) -> float:
    reduction = arithmetic.reduction(training.loss == CROSS_ENTROPY)
    count = training.batch_size if arithmetic.last_batch == FULL_SIZE else samples
    return reduction.scale(count, len(BIASES))


def _optimizer(training: Training, arithmetic: Arithmetic) -> Move:
    kinds = {"sgd": _sgd, "adam": _adam}
    return kinds[training.optimizer](training, arithmetic)


def _sgd(training: Training, arithmetic: Arithmetic) -> Move:
    form, v, step = MOMENTA[arithmetic.momentum], np.zeros((3, 3)), 0
    first, momentum = training.numbers["learning_rate"], training.momentum
    later = first if training.later_rate is None else training.later_rate

    def move(gradient: Doubles, epoch: int) -> Doubles:
        nonlocal v, step
        step += 1
        change, v = form(gradient, v, step, first if epoch == 1 else later, momentum)
        return np.asarray(change)

    return move


def _adam(training: Training, arithmetic: Arithmetic) -> Move:
    form, m, v, step = ADAMS[arithmetic.adam], np.zeros((3, 3)), np.zeros((3, 3)), 0
    names = ("learning_rate", "beta_1", "beta_2", "epsilon")
    rate, beta_1, beta_2, epsilon = (training.numbers[name] for name in names)

    def move(gradient: Doubles, epoch: int) -> Doubles:
        nonlocal m, v, step
        step = epoch if arithmetic.adam in COUNT_EPOCHS else step + 1
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        return np.asarray(-rate * form(m, v, step, beta_1, beta_2, epsilon))

    return move
