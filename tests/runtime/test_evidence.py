"""Weights that Core ML itself wrote on a device, and whether ours could be theirs.

https://github.com/JacopoMangiavacchi/S4TF_CoreML_Test keeps in its history what `MLUpdateTask` made
of a linear model 1 -> 1 (``Models/s4tf_model_retrained.mlmodelc/model.espresso.weights``): mean
squared error, SGD without momentum, shuffled. The app gives one array for input and target alike,
so that in every sample x = target = 2·i/100 + 1.5, with noise of ±0.05. Neither noise nor order is
known: ours are drawn many times, and what Core ML wrote has to lie among them.
"""

import functools
from dataclasses import replace

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

from converter.arithmetic import KERAS, Reduction
from converter.runtime import ArraySamples, Trainer, plan, settings
from converter.runtime.batches import order
from converter.runtime.sources import InputBlobs
from tests.runtime.updatable import finish, sgd

pytestmark = pytest.mark.slow

ONE_BY_ONE = np.array([(0.99999994, 1.725e-7), (0.99999994, 1.746e-7), (0.99999994, 1.786e-7)])
"""Weight and bias after 100 epochs with mini-batches of 1 and rate 0.03 (commits 214f744, 459d741,
1aaa4de): all that rounding to float32 leaves of the way to weight 1, bias 0."""

BY_FIVE = np.array([(0.66994, 0.90986), (0.66941, 0.90954)])
"""After 2 epochs with mini-batches of 5 and rate 0.01 (commits 63a6de3, ecc156b)."""

START = 1.98289454, 1.4585879


@functools.cache
def training(arithmetic, rate, batch):
    builder = NeuralNetworkBuilder([("x", datatypes.Array(1))], [("y", datatypes.Array(1))])
    weight, bias = np.array([[START[0]]]), np.array([START[1]])
    builder.add_inner_product("dense", weight, bias, 1, 1, True, "x", "y")
    model = finish(builder, ["dense"], sgd(rate, batch=batch), loss=datatypes.Array(1))
    chosen = replace(settings(model, shuffle=True), arithmetic=arithmetic)
    return model, chosen, Trainer(plan(model), chosen)


def learned(arithmetic, rate, batch, epochs, noise, shuffling):
    """Return weight and bias after a training with the noise and the orders of these seeds."""
    model, chosen, trainer = training(arithmetic, rate, batch)
    shaken = np.random.default_rng(noise).uniform(-0.05, 0.05, 100)
    x = (2 * np.arange(100) / 100 + 1.5 + shaken).astype(np.float32)[:, None]
    blobs = InputBlobs(model, ArraySamples({"x": x}))
    for variable, value in zip(trainer.variables, START, strict=True):
        variable.assign(np.full(variable.shape, value, np.float32))
    for epoch in range(1, epochs + 1):
        indices = order(replace(chosen, seed=shuffling), epoch, 100)
        trainer.epoch(blobs, x[:, :, None, None], indices)
    return [variable.numpy().item() for variable in trainer.variables]


def distance(arithmetic):
    """Return how far from Core ML's weights and biases ours are, with mini-batches of 1."""
    ours = learned(arithmetic, 0.03, 1, 100, noise=1, shuffling=1)
    return np.abs(np.array(ours) - ONE_BY_ONE).max()


def likelihood(arithmetic, shufflings=range(60)):
    """Return which share of ours is as far from their mean as Core ML's are, with batches of 5."""
    ours = [learned(arithmetic, 0.01, 5, 2, *seeds) for seeds in enumerate(shufflings)]
    away, precision = BY_FIVE - np.mean(ours, 0), np.linalg.inv(np.cov(np.transpose(ours)))
    return np.exp(-np.einsum("ij,jk,ik->i", away, precision, away).max() / 2)


@pytest.mark.parametrize(
    ("arithmetic", "is_possible"),
    [
        (KERAS, True),
        (replace(KERAS, squared_error=Reduction("mean", "mean", 0.5)), False),
        (replace(KERAS, squared_error=Reduction("sum", "mean")), False),
    ],
    ids=["keras", "half the gradient", "sum over the mini-batch"],
)
def test_whether_core_ml_could_count_so(arithmetic, is_possible):
    found = likelihood(arithmetic) > 0.005 and distance(arithmetic) < 1e-8
    assert found == is_possible


def test_the_order_of_libcxx_with_the_seed_that_files_have_by_default():
    """It leaves the noise alone to differ, a tenth of the spread, and Core ML's still fit."""
    assert likelihood(replace(KERAS, order="libc++"), [0] * 40) > 0.005
    assert likelihood(replace(KERAS, order="libc++"), [2] * 40) < 1e-9
