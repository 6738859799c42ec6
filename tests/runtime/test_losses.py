import numpy as np
import pytest

from converter.runtime.backend import tf
from converter.runtime.losses import cross_entropy, hits, squared_error
from tests.runtime.helpers import random


@pytest.mark.parametrize("size", [1.0, 300.0], ids=["ordinary", "saturated"])
def test_cross_entropy(size):
    logits = random(6, 1, 1, 5) * size
    classes = np.array([0, 1, 2, 3, 4, 0], np.int32)
    rows = logits.reshape(6, 5).astype(np.float64)
    shifted = rows - rows.max(1, keepdims=True)
    expected = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(6), classes]
    found = cross_entropy(tf.constant(logits), tf.constant(classes)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_squared_error_is_the_mean_of_a_sample():
    a, b = random(4, 2, 3, 5), random(4, 2, 3, 5, seed=2)
    found = squared_error(tf.constant(a), tf.constant(b)).numpy()
    np.testing.assert_allclose(found, ((a - b) ** 2).mean((1, 2, 3)), rtol=1e-5)


def test_hits():
    logits = np.eye(4, dtype=np.float32).reshape(4, 1, 1, 4)
    found = hits(tf.constant(logits), tf.constant([0, 1, 0, 3])).numpy()
    assert found.tolist() == [1, 1, 0, 1]
