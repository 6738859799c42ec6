"""The example of federated rounds: ten users, three rounds, each better than the one before."""

import importlib.util

import numpy as np
import pytest

from tests.paths import MODELS
from tests.runtime.updatable import MNIST


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


def test_the_mean_of_ten_users_gets_better_with_every_round(example, tmp_path):
    with np.load(MNIST) as stored:
        x, y = example.inverted(stored["x_train"][:400]), stored["y_train"][:400]
        test = example.inverted(stored["x_test"][:200]), stored["y_test"][:200]
    users = [(x[own], y[own]) for own in example.shares(y)]
    few = {"layers": ["dense_6"], "epochs": 1, "batch_size": 16, "learning_rate": 0.01}
    scores = list(example.rounds(users, test, 3, tmp_path, **few))
    accuracies = [score.accuracy for score in scores]
    assert len(accuracies) == 4
    assert accuracies == sorted(accuracies)
    assert accuracies[0] < 0.5
    assert accuracies[-1] > accuracies[0] + 0.2
    assert len(list(tmp_path.glob("user*.mlmodel"))) == 10
