"""Seeded data and comparison, for the tests of the reference runtime."""

import numpy as np


def random(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(actual, expected, tolerance=2e-5):
    """Assert equal shapes and values within `tolerance` of the largest value."""
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    assert np.abs(actual - expected).max() <= tolerance * max(1.0, np.abs(expected).max())
