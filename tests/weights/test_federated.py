"""The example of federated rounds: ten users, three rounds, each better than the one before."""

import importlib.util

import numpy as np
import pytest

import converter
from converter.backend.tensorflow import keras
from tests.lower.oracle import sequential
from tests.paths import MODELS
from tests.runtime.updatable import MNIST

L = keras.layers


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("federated", MODELS / "federated.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_sample_is_of_one_user_who_writes_some_digits_often(example):
    labels = np.random.default_rng(0).integers(0, 10, 500)
    found = example.shares(labels)
    assert len(found) == 10
    assert sorted(np.concatenate(found)) == list(range(500))
    often = [np.sort(np.bincount(labels[own], minlength=10))[-3:].sum() / len(own) for own in found]
    assert np.mean(often) > 0.6


@pytest.mark.slow
def test_the_mean_of_ten_users_gets_better_with_every_round(example, tmp_path):
    """With one dense layer, whose trainings take a fraction of LeNet's."""
    with np.load(MNIST) as stored:
        x, y = 1 - example.inverted(stored["x_train"][:400]), stored["y_train"][:400]
        test = 1 - example.inverted(stored["x_test"][:200]), stored["y_test"][:200]
    users = [(x[own], y[own]) for own in example.shares(y)]
    model = sequential((28, 28, 1), L.Flatten(), L.Dense(10, "softmax", name="dense"))
    model.layers[-1].set_weights([np.zeros((784, 10)), np.zeros(10)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    path = converter.convert(model, verify=False).save(tmp_path / "shipped.mlmodel")
    numbers = {"epochs": 1, "batch_size": 16, "learning_rate": 0.1}
    scores = list(example.rounds(path, users, test, 3, tmp_path, **numbers))
    losses = [score.loss for score in scores]
    assert len(losses) == 4
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == pytest.approx(np.log(10))
    assert scores[-1].accuracy > 0.5
    assert len(list(tmp_path.glob("user*.mlmodel"))) == 10
