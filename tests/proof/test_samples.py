"""What the random samples of the proof look like."""

import numpy as np
import pytest

from converter.proof.samples import Look, drawn, looks, samples

NOISE, SMOOTH = Look(-2.0, 6.0), Look(-2.0, 6.0, smooth=True)
SHAPE = (64, 64, 2)


def steps(x):
    """Return the largest step from one place to the next, along rows and columns."""
    return max(np.abs(np.diff(x, axis=axis)).max() for axis in (1, 2))


@pytest.mark.parametrize("look", [NOISE, SMOOTH])
def test_values_are_of_the_range_and_the_same_each_time(look):
    (batch,) = samples([SHAPE], look, pixels=False)
    assert batch.shape == (8, *SHAPE)
    assert batch.dtype == np.float32
    assert -2 <= batch.min() < -1.5
    assert 5.5 < batch.max() <= 6
    np.testing.assert_array_equal(samples([SHAPE], look, pixels=False)[0], batch)


def test_smooth_shapes_are_slow_waves_and_noise_is_none():
    """At most two turns along each axis: 2π · 2/64 of an amplitude of a quarter of the range."""
    assert steps(samples([SHAPE], SMOOTH, pixels=False)[0]) <= 2 * np.pi * 2 / 64 * 8 / 4
    assert steps(samples([SHAPE], NOISE, pixels=False)[0]) > 7
    rng = np.random.default_rng(0)
    assert steps(drawn(rng, (2, *SHAPE), SMOOTH)) <= 2 * np.pi * 2 / 64 * 8 / 4
    assert steps(drawn(rng, (2, *SHAPE), NOISE)) > 7


def test_noise_has_half_of_the_contrast_in_each_further_sample():
    (batch,) = samples([(64, 64, 3)], NOISE, pixels=False)
    middle = np.abs(batch - 2).max(axis=(1, 2, 3))
    np.testing.assert_allclose(middle, 4 * 0.5 ** np.arange(8), rtol=0.01)


def test_smooth_samples_get_brighter():
    (batch,) = samples([SHAPE], SMOOTH, pixels=False)
    means = batch.mean(axis=(1, 2, 3))
    assert means[-1] - means[0] == pytest.approx(4, abs=0.7)


def test_the_usual_looks_come_first_and_the_others_reach_further_in_both_ways():
    assert looks(256, pixels=True) == (Look(0, 256), Look(0, 255, smooth=True))
    usual, smooth, as_pixels, *further = looks(1, pixels=False)
    assert (usual, smooth) == (Look(0, 1), Look(0, 1, smooth=True))
    assert as_pixels == Look(0, 255, smooth=True)
    sizes = [(size, smooth) for size in (1, 255, 1e4) for smooth in (False, True)]
    assert [(look.highest, look.smooth) for look in further] == sizes
    assert all(look.lowest == -look.highest for look in further)


def test_pixels_are_whole_numbers():
    for look in looks(256, pixels=True):
        (batch,) = samples([(4, 5, 3)], look, pixels=True)
        np.testing.assert_array_equal(batch, np.floor(batch))
        assert batch.min() >= 0
        assert batch.max() <= 255


def test_large_inputs_are_fewer():
    assert [len(x) for x in samples([(3,), (65, 64, 3)], NOISE, pixels=False)] == [2, 2]


def test_the_first_look_is_the_range_that_the_model_is_made_for():
    usual, smooth, *others = looks(1.0, pixels=False)
    assert (usual, smooth) == (Look(0, 1.0), Look(0, 1.0, smooth=True))
    assert Look(0, 255, smooth=True) in others
    assert {(look.lowest, look.highest) for look in others[1:]} == {
        (-1, 1), (-255, 255), (-1e4, 1e4)
    }  # fmt: skip
