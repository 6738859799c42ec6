"""The documented arithmetic, written out again in NumPy (float64)."""

import numpy as np
import pytest

from converter.runtime.backend import tf
from converter.runtime.optimizers import Adam, optimizer
from converter.runtime.settings import Settings
from tests.runtime.helpers import random

STEPS = 12
GRADIENTS = [(random(3, 4, seed=i), random(5, seed=100 + i)) for i in range(STEPS)]


def run(kind, **numbers):
    variables = [tf.Variable(random(3, 4)), tf.Variable(random(5))]
    made = optimizer(Settings(kind, numbers, 1, 1, False, 0), variables)
    for gradients in GRADIENTS:
        made.apply(variables, [tf.constant(g) for g in gradients])
    return [variable.numpy() for variable in variables]


def expected(step):
    """Apply ``step(w, g, state, t)`` to both tensors; the state starts as zeros."""
    results = []
    for which, start in enumerate((random(3, 4), random(5))):
        w, state = start.astype(np.float64), {}
        for t, gradients in enumerate(GRADIENTS, 1):
            w = step(w, gradients[which].astype(np.float64), state, t)
        results.append(w)
    return results


def sgd(rate, momentum):
    def step(w, g, state, t):
        state["v"] = momentum * state.get("v", 0) - rate * g
        return w + state["v"]

    return step


def adam(rate, b1, b2, epsilon):
    def step(w, g, state, t):
        state["m"] = b1 * state.get("m", 0) + (1 - b1) * g
        state["v"] = b2 * state.get("v", 0) + (1 - b2) * g**2
        corrected = rate * np.sqrt(1 - b2**t) / (1 - b1**t)
        return w - corrected * state["m"] / (np.sqrt(state["v"]) + epsilon)

    return step


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd(momentum):
    found = run("sgdOptimizer", learning_rate=0.05, momentum=momentum)
    for a, b in zip(found, expected(sgd(0.05, momentum)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("epsilon", [1e-7, 0.1])
def test_adam(epsilon):
    found = run("adamOptimizer", learning_rate=0.05, beta_1=0.8, beta_2=0.95, epsilon=epsilon)
    for a, b in zip(found, expected(adam(0.05, 0.8, 0.95, epsilon)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_slots_are_the_whole_state():
    """A new optimizer that is given the slots goes on as the old one would have."""
    numbers = {"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7}
    w = tf.Variable(random(4))
    first = Adam([w], **numbers)
    for i in range(3):
        first.apply([w], [tf.constant(random(4, seed=i))])
    copy = tf.Variable(w.numpy())
    second = Adam([copy], **numbers)
    for new, old in zip(second.slots, first.slots, strict=True):
        new.assign(old)
    for made, variable in ((first, w), (second, copy)):
        made.apply([variable], [tf.constant(random(4, seed=9))])
    np.testing.assert_array_equal(copy.numpy(), w.numpy())
