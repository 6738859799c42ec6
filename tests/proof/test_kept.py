"""What a model with a spare class keeps of the one from before, to the digits that are known."""

from dataclasses import replace

import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder

import converter
from converter.backend.tensorflow import keras
from converter.errors import ParityError
from converter.learning.answers import Answer
from converter.proof import parity
from converter.proof.kept import Kept, kept_gap
from converter.proof.keras_model import keras_answers
from converter.proof.predictions import Expectation, Tolerance, verified
from tests.lower.oracle import sequential

L = keras.layers

WEIGHTS, BIASES = np.float32([[1, 2], [-1, 1], [0, 0]]), np.float32([200, 0, -50])
X = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def written():
    """It is sure of the first class; the third is the spare one."""
    builder = NeuralNetworkBuilder([("x", datatypes.Array(2))], [("y", None)])
    builder.add_inner_product("dense", WEIGHTS, BIASES, 2, 3, True, "x", "z")
    builder.add_softmax("softmax", "z", "y")
    return builder.spec


def before(logits_of_the_second=0.0):
    """Return what a model of two classes said, which may have known better of the second."""
    logits = X @ WEIGHTS[:2].T + BIASES[:2] + np.float32([0, logits_of_the_second])
    probabilities = np.stack([np.ones(len(X)), np.zeros(len(X))], axis=1).astype(np.float32)
    return Kept({"x": X}, "y", Answer(probabilities, logits), are_features=False)


@pytest.mark.parametrize("digits", [True, False])
def test_what_is_kept_is_the_same(written, digits):
    assert kept_gap(written, before(), 1e-5, digits) < 1e-6


def test_digits_of_small_probabilities_count_unless_weights_have_few(written):
    other = before(1.0)
    with pytest.raises(ParityError, match="the probabilities of the classes from before differ"):
        kept_gap(written, other, 1e-5, digits=True)
    assert kept_gap(written, other, 1e-5, digits=False) < 1e-6


def test_a_right_prediction_does_not_excuse_what_is_not_kept(written):
    """The logarithm of the tiny probability is compared with what Keras said before, too."""
    found = parity.predict(written, {"x": X}, "y")
    expected = Expectation({"x": X}, "y", found, are_probabilities=True, variation=1.0)
    assert verified(written, expected, Tolerance(1e-5)) == 0
    assert verified(written, replace(expected, kept=before()), Tolerance(1e-5)) < 1e-6
    with pytest.raises(ParityError, match="the classes from before differ"):
        verified(written, replace(expected, kept=before(1.0)), Tolerance(1e-5))
    wrong = Answer(found.values[:, ::-1], found.before[:, ::-1])
    with pytest.raises(ParityError, match="the converted model differs from Keras"):
        verified(written, replace(expected, answer=wrong, kept=before()), Tolerance(1e-5))


@pytest.mark.parametrize("options", [{"spare_classes": 1}, {"new_head": True}])
def test_what_keras_said_before_is_compared_in_every_run(options):
    model = sequential((4,), L.Dense(5, "relu"), L.Dense(2, "softmax", name="head"))
    model.compile("sgd", "categorical_crossentropy")
    found = converter.convert(model, classes=("a", "b"), **options)
    assert found.report.parity <= 1e-5


def test_a_model_that_takes_one_sample_answers_one_by_one():
    given = keras.Input(batch_shape=(1, 4))
    joined = keras.ops.concatenate([given, np.ones((1, 2), np.float32)], axis=-1)
    model = keras.Model(given, L.Dense(3, "softmax")(joined))
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    (answer,) = keras_answers(model, [x])
    kernel, _ = model.get_weights()  # the biases are zero
    np.testing.assert_allclose(answer.before, x @ kernel[:4] + kernel[4:].sum(0), atol=1e-6)
    whole = np.exp(answer.before)
    np.testing.assert_allclose(answer.values, whole / whole.sum(1, keepdims=True), atol=1e-6)
