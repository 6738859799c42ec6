"""The step that Core ML's is compared with, against the formula written out in NumPy."""

import numpy as np

from converter.coreml import mlmodel
from converter.coreml.subject import subject
from converter.device import job, reference
from converter.device.batch import random_batch
from converter.runtime import predict
from tests.device.specs import INTERFACES, build


def features(spec, batch):
    """Return what goes into the dense layer ``second``, ``[N, 18]``."""
    layer = spec.neuralNetwork.layers[0].convolution
    kernel = mlmodel.floats(layer.weights).reshape(2, 1, 2, 2)
    image = batch.inputs["image"]
    windows = np.lib.stride_tricks.sliding_window_view(image, (2, 2), axis=(2, 3))
    blobs = np.einsum("nihwyx,oiyx->nohw", windows, kernel)
    return np.maximum(blobs, 0).reshape(len(image), -1)


def test_one_step_of_sgd_is_the_gradient_of_the_mean_loss():
    spec = build()
    chosen = subject(spec)
    settings = job.settings(chosen)
    batch = random_batch(chosen, 8)
    before = reference.stored_weights(chosen)
    found = reference.steps(chosen, batch, settings)
    after = found.weights
    assert reference.stored_weights(chosen).keys() == after.keys()
    np.testing.assert_array_equal(after["0.weights"], before["0.weights"])
    shares = predict(spec, batch.inputs)["output"]
    error = (shares - np.eye(3)[batch.answers]) / len(batch)
    gradient = error.T @ features(spec, batch)
    np.testing.assert_allclose(
        after["1.weights"], before["1.weights"] - 0.1 * gradient.ravel(), rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(after["1.biases"], -0.1 * error.sum(0), rtol=0, atol=1e-5)
    loss = -np.log(shares[np.arange(8), batch.answers]).mean()
    np.testing.assert_allclose(found.losses, [[loss]], rtol=1e-5)


def test_several_mini_batches_are_steps_in_the_order_of_the_samples():
    spec = build()
    chosen = subject(spec)
    batch = random_batch(chosen, 9)
    found = reference.steps(chosen, batch, job.Settings(epochs=2, batch_size=4))
    after, losses = found.weights, []
    weights = {
        key: value.astype(np.float64) for key, value in reference.stored_weights(chosen).items()
    }
    x = features(spec, batch)
    w, b = weights["1.weights"].reshape(3, 18), weights["1.biases"]
    speed_w, speed_b = np.zeros_like(w), np.zeros_like(b)
    for start in (0, 4, 8, 0, 4, 8):  # the last mini-batch of an epoch is one sample
        part = slice(start, start + 4)
        scores = x[part] @ w.T + b
        shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        answers = batch.answers[part]
        losses.append(-np.log(shares[np.arange(len(answers)), answers]).mean())
        error = (shares - np.eye(3)[answers]) / len(x[part])
        speed_w = 0.5 * speed_w - 0.1 * error.T @ x[part]
        speed_b = 0.5 * speed_b - 0.1 * error.sum(0)
        w, b = w + speed_w, b + speed_b
    np.testing.assert_allclose(after["1.weights"], w.ravel(), rtol=0, atol=1e-5)
    np.testing.assert_allclose(after["1.biases"], b, rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.ravel(found.losses), losses, rtol=1e-5, atol=1e-6)
    assert [len(epoch) for epoch in found.losses] == [3, 3]


def test_core_ml_is_told_not_to_shuffle():
    """Else the order of the steps would not be that of the reference."""
    settings = job.Settings(epochs=2, batch_size=3)
    assert settings.parameters() == {"epochs": 2, "miniBatchSize": 3, "shuffle": False}


def test_one_prediction_that_is_no_number_agrees_with_nothing():
    chosen = subject(build())
    batch = random_batch(chosen, 4)
    scores = predict(chosen.model, batch.inputs)["output"]
    broken = scores.copy()
    broken[-1, -1] = np.nan
    learned = {f"after.{key}": value for key, value in reference.stored_weights(chosen).items()}
    arrays = {"predicted.before.0": scores, "predicted.after.0": broken, **learned}
    agreement = reference.agreement(chosen, batch, arrays)
    assert agreement.before < 1e-6
    assert np.isnan(agreement.after)
    assert not agreement.is_met


def test_a_sum_of_gradients_shows_as_a_factor():
    chosen = subject(build())
    before = reference.stored_weights(chosen)
    random = np.random.default_rng(0)
    ours = {k: v + random.normal(size=v.shape).astype(np.float32) for k, v in before.items()}
    summed = {k: before[k] + 8 * (ours[k] - before[k]) for k in before}
    found = reference.compare_steps(chosen, before, ours, summed)
    assert set(found) == {"second weights", "second biases"}
    for relation in found.values():
        np.testing.assert_allclose(relation["factor"], 8, rtol=1e-4)
        np.testing.assert_allclose(relation["cosine"], 1, rtol=1e-4)
        np.testing.assert_allclose(relation["deviation"], 7, rtol=1e-4)


def test_predictions_are_compared_with_what_was_learned():
    for interface in INTERFACES.values():
        chosen = subject(build(**interface))
        batch = random_batch(chosen, 8)
        settings = job.settings(chosen)
        learned = reference.steps(chosen, batch, settings).weights
        output = chosen.model.description.output[0].name
        moved = reference.with_weights(chosen, learned)
        arrays = {
            "predicted.before.0": predict(chosen.model, batch.inputs)[output],
            "predicted.after.0": predict(moved, batch.inputs)[output],
            **{f"after.{key}": values for key, values in learned.items()},
        }
        agreement = reference.agreement(chosen, batch, arrays)
        assert agreement.before < 1e-6
        assert agreement.after < 1e-6
        arrays["predicted.after.0"] = arrays["predicted.before.0"]
        assert reference.agreement(chosen, batch, arrays).after > 1e-3


def moved(name, values):
    """Return how Core ML's step of the biases relates to ours, which is [3, 0, 4] · 0.1."""
    chosen = subject(build())
    before = reference.stored_weights(chosen)
    ours = before | {name: before[name] + np.array([0.3, 0.0, 0.4], np.float32)}
    theirs = before | {name: before[name] + np.array(values, np.float32)}
    return reference.compare_steps(chosen, before, ours, theirs)


def test_how_a_step_relates_to_another():
    for values, deviation, factor, cosine in (
        ([0.3, 0.0, 0.4], 0.0, 1.0, 1.0),
        ([0.3, 0.2, 0.4], 0.5, 1.0, 0.25 / (0.5 * 0.29**0.5)),
        ([-0.6, 0.0, -0.8], 3.0, -2.0, -1.0),
        ([0.0, 0.7, 0.0], 1.75, 0.0, 0.0),
    ):
        found = moved("1.biases", values)["second biases"]
        np.testing.assert_allclose(found["deviation"], deviation, atol=1e-6)
        np.testing.assert_allclose(found["factor"], factor, atol=1e-6)
        np.testing.assert_allclose(found["cosine"], cosine, atol=1e-6)


def test_a_step_of_nothing_points_nowhere():
    nothing = {"deviation": None, "factor": None, "cosine": None}
    stood = moved("1.biases", [0.0, 0.0, 0.0])
    assert stood["second biases"] == {"deviation": 1.0, "factor": 0.0, "cosine": None}
    assert stood["second weights"] == nothing  # our own has not moved
    assert moved("1.biases", [np.nan, 0.0, 0.0])["second biases"] == nothing
    assert moved("1.biases", [np.inf, 0.0, 0.0])["second biases"] == nothing


def test_steps_that_are_no_counterparts_are_not_compared():
    chosen = subject(build())
    before = reference.stored_weights(chosen)
    theirs = {"1.weights": before["1.weights"][:-1], "1.biases": before["1.biases"]}
    assert set(reference.compare_steps(chosen, before, before, theirs)) == {"second biases"}
    assert reference.compare_steps(chosen, before, before, {}) == {}
