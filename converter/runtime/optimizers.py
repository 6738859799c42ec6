"""SGD and Adam, one fused TensorFlow kernel per tensor and step.

Apple does not document Core ML's optimizers. This is the arithmetic of *this* runtime, and it is
that of Keras 3 with the same numbers (step ``t`` counts from 1, ``g`` is the mean gradient):

* SGD: ``w ← w - rate * g``; with momentum ``v ← momentum * v - rate * g``, ``w ← w + v`` (classic,
  neither Nesterov nor dampened).
* Adam: ``m ← β₁ m + (1 - β₁) g``, ``v ← β₂ v + (1 - β₂) g²``,
  ``w ← w - rate * √(1 - β₂ᵗ) / (1 - β₁ᵗ) * m / (√v + ε)``; epsilon stands outside the root and is
  added to the *uncorrected* ``√v``, as in the paper's "ε̂" form (Kingma and Ba 2015, section 2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from converter.runtime.backend import Tensor, tf
from converter.runtime.settings import Settings


class Optimizer(Protocol):
    """Moves variables against their gradients."""

    @property
    def slots(self) -> Sequence[Tensor]:
        """Everything it remembers between steps, as variables."""

    def apply(self, variables: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        """Do one step."""


def optimizer(settings: Settings, variables: Sequence[Tensor]) -> Optimizer:
    """Return the optimizer for `variables` in its initial state."""
    return KINDS[settings.optimizer](variables, **settings.numbers)


def _zeros(variables: Sequence[Tensor]) -> list[Tensor]:
    return [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]


def _rounding(beta: float) -> float:
    """Return by which factor ``1 - beta`` changes if `beta` is rounded to float32."""
    return (1 - float(np.float32(beta))) / (1 - beta) if beta < 1 else 1.0


class SGD:
    """Stochastic gradient descent with classic momentum."""

    def __init__(self, variables: Sequence[Tensor], learning_rate: float, momentum: float) -> None:
        self.rate, self.momentum = learning_rate, momentum
        self.slots: Sequence[Tensor] = _zeros(variables) if momentum else []

    def apply(self, variables: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        """Do one step."""
        if not self.momentum:
            for w, g in zip(variables, gradients, strict=True):
                tf.raw_ops.ResourceApplyGradientDescent(var=w.handle, alpha=self.rate, delta=g)
            return
        for w, v, g in zip(variables, self.slots, gradients, strict=True):
            tf.raw_ops.ResourceApplyKerasMomentum(
                var=w.handle, accum=v.handle, lr=self.rate, grad=g, momentum=self.momentum
            )


class Adam:
    """Adam with bias correction."""

    def __init__(
        self,
        variables: Sequence[Tensor],
        learning_rate: float,
        beta_1: float,
        beta_2: float,
        epsilon: float,
    ) -> None:
        # Keras accumulates with 1 - β as it is, but corrects the bias with β rounded to float32.
        # The kernel rounds in both places; the ratio, 6e-6 for 0.999, makes the steps equal.
        self.rate = learning_rate * math.sqrt(_rounding(beta_2)) / _rounding(beta_1)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.first, self.second = _zeros(variables), _zeros(variables)
        self.steps = tf.Variable(0.0, trainable=False)
        self.slots: Sequence[Tensor] = [*self.first, *self.second, self.steps]

    def apply(self, variables: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        """Do one step."""
        self.steps.assign_add(1.0)
        step = self.steps.read_value()
        powers = tf.pow(self.beta_1, step), tf.pow(self.beta_2, step)
        for w, m, v, g in zip(variables, self.first, self.second, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=w.handle,
                m=m.handle,
                v=v.handle,
                beta1_power=powers[0],
                beta2_power=powers[1],
                lr=self.rate,
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=self.epsilon,
                grad=g,
            )


KINDS: Mapping[str, type[SGD | Adam]] = {"sgdOptimizer": SGD, "adamOptimizer": Adam}
"""Optimizer in the file -> its arithmetic."""
