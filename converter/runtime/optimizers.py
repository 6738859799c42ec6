"""SGD and Adam: the default forms in one fused TensorFlow kernel per tensor and step.

Apple does not document Core ML's optimizers. By default this runtime does what Keras 3 does with
the same numbers (step ``t`` counts from 1, ``g`` is the mean gradient):

* SGD: ``w ← w - rate * g``; with momentum ``v ← momentum * v - rate * g``, ``w ← w + v`` (classic,
  neither Nesterov nor dampened).
* Adam: ``m ← β₁ m + (1 - β₁) g``, ``v ← β₂ v + (1 - β₂) g²``,
  ``w ← w - rate * √(1 - β₂ᵗ) / (1 - β₁ᵗ) * m / (√v + ε)``; epsilon stands outside the root and is
  added to the *uncorrected* ``√v``, as in the paper's "ε̂" form (Kingma and Ba 2015, section 2).

All other forms of `converter.arithmetic` are computed by their formulas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from converter.arithmetic import KERAS
from converter.arithmetic.adam import ADAMS, COUNT_EPOCHS
from converter.arithmetic.momentum import MOMENTA
from converter.runtime.backend import Tensor, tf
from converter.runtime.settings import Settings


class Optimizer:
    """Moves variables against their gradients. `slots` is all it remembers between steps."""

    slots: Sequence[Tensor]

    def new_epoch(self) -> None:
        """Hear that an epoch begins."""

    def apply(self, variables: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        """Do one step."""
        raise NotImplementedError


def optimizer(settings: Settings, variables: Sequence[Tensor]) -> Optimizer:
    """Return the optimizer for `variables` in its initial state."""
    arithmetic, numbers = settings.arithmetic, settings.numbers
    if settings.optimizer == "adamOptimizer":
        if arithmetic.adam == KERAS.adam:
            return Adam(variables, **numbers)
        return AnyAdam(arithmetic.adam, variables, **numbers)
    if arithmetic.momentum == KERAS.momentum or not numbers["momentum"]:
        return SGD(variables, **numbers)
    return AnyMomentum(arithmetic.momentum, variables, **numbers)


def _zeros(variables: Sequence[Tensor]) -> list[Tensor]:
    return [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]


def _rounding(beta: float) -> float:
    """Return by which factor ``1 - beta`` changes if `beta` is rounded to float32."""
    return (1 - float(np.float32(beta))) / (1 - beta) if beta < 1 else 1.0


class SGD(Optimizer):
    """Stochastic gradient descent with classic momentum."""

    def __init__(self, variables: Sequence[Tensor], learning_rate: float, momentum: float) -> None:
        self.rate, self.momentum = learning_rate, momentum
        self.slots = _zeros(variables) if momentum else []

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


class Adam(Optimizer):
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
        self.rate, self.ratio = learning_rate, math.sqrt(_rounding(beta_2)) / _rounding(beta_1)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.first, self.second = _zeros(variables), _zeros(variables)
        self.steps = tf.Variable(0.0, trainable=False)
        self.slots = [*self.first, *self.second, self.steps]

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
                lr=self.rate * self.ratio,
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=self.epsilon,
                grad=g,
            )


class AnyMomentum(Optimizer):
    """Gradient descent with one of the forms in `MOMENTA`."""

    def __init__(
        self, form: str, variables: Sequence[Tensor], learning_rate: float, momentum: float
    ) -> None:
        self.form = MOMENTA[form]
        self.rate, self.momentum = learning_rate, momentum
        self.velocities, self.steps = _zeros(variables), tf.Variable(0.0, trainable=False)
        self.slots = [*self.velocities, self.steps]

    def apply(self, variables: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        """Do one step."""
        self.steps.assign_add(1.0)
        step = self.steps.read_value()
        for w, v, g in zip(variables, self.velocities, gradients, strict=True):
            change, new = self.form(g, v.read_value(), step, self.rate, self.momentum)
            v.assign(new)
            w.assign_add(change)


class AnyAdam(Optimizer):
    """Adam with one of the forms in `ADAMS`."""

    def __init__(
        self,
        form: str,
        variables: Sequence[Tensor],
        learning_rate: float,
        beta_1: float,
        beta_2: float,
        epsilon: float,
    ) -> None:
        self.form, self.counts_epochs = ADAMS[form], form in COUNT_EPOCHS
        self.rate, self.numbers = learning_rate, (beta_1, beta_2, epsilon)
        self.first, self.second = _zeros(variables), _zeros(variables)
        self.steps = tf.Variable(0.0, trainable=False)
        self.slots = [*self.first, *self.second, self.steps]

    def new_epoch(self) -> None:
        """Count the epoch, where the form asks for it."""
        self.steps.assign_add(float(self.counts_epochs))

    def apply(self, variables: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        """Do one step."""
        self.steps.assign_add(float(not self.counts_epochs))
        step = self.steps.read_value()
        beta_1, beta_2, _ = self.numbers
        for w, m, v, g in zip(variables, self.first, self.second, gradients, strict=True):
            first = beta_1 * m.read_value() + (1 - beta_1) * g
            second = beta_2 * v.read_value() + (1 - beta_2) * tf.square(g)
            m.assign(first)
            v.assign(second)
            w.assign_sub(self.rate * self.form(first, second, step, *self.numbers))
