"""What each shift does to samples, by hand."""

import numpy as np
import pytest

from converter.errors import DataError
from converter.studies import shifts
from converter.studies.model import Shifts
from converter.studies.shifts import Style, chosen, class_weights, shifted, style

X = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)


def moved(**values):
    return shifted(X, Style(**values), (0, 24), 0, 0)[0, :, :, 0]


def test_a_translation_moves_down_and_right_and_the_edge_goes_on():
    assert moved(translation=(1.0, -2.0)).tolist() == [
        [2, 3, 4, 4, 4], [2, 3, 4, 4, 4], [7, 8, 9, 9, 9], [12, 13, 14, 14, 14],
        [17, 18, 19, 19, 19],
    ]  # fmt: skip


def test_a_rotation_is_counter_clockwise():
    np.testing.assert_allclose(moved(rotation=90.0), np.rot90(X[0, :, :, 0]), atol=1e-4)


def test_scaling_keeps_the_centre_and_halves_differences():
    found = moved(scale=2.0)
    assert found[2, 2] == X[0, 2, 2, 0]
    assert found[2].tolist() == [11, 11.5, 12, 12.5, 13]


def test_contrast_brightness_and_inversion_stay_in_the_range():
    values = np.array([[0.0, 50.0, 100.0]], np.float32)
    assert shifted(values, Style(contrast=0.5), (0, 100), 0, 0).tolist() == [[25, 50, 75]]
    assert shifted(values, Style(contrast=2.0), (0, 100), 0, 0).tolist() == [[0, 50, 100]]
    assert shifted(values, Style(brightness=0.25), (0, 100), 0, 0).tolist() == [[25, 75, 100]]
    assert shifted(values, Style(inverted=True), (0, 100), 0, 0).tolist() == [[100, 50, 0]]
    both = Style(brightness=0.25, inverted=True)
    assert shifted(values, both, (0, 100), 0, 0).tolist() == [[75, 25, 0]]


def test_noise_has_its_deviation_and_is_the_users_own():
    values = np.full((100, 100), 50, np.float32)
    one, again, other = (shifted(values, Style(noise=0.05), (0, 100), 3, u) for u in (1, 1, 2))
    assert one.std() == pytest.approx(5, rel=0.05)
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).mean() > 3


def test_a_style_lies_in_its_limits_and_one_more_shift_changes_no_other_value():
    few = Shifts(rotation=20.0, scale=1.5)
    styles = [style(few, 0, user) for user in range(300)]
    assert min(s.rotation for s in styles) < -18 < 18 < max(s.rotation for s in styles) < 20
    assert 1 / 1.5 < min(s.scale for s in styles) < 0.7 < 1.4 < max(s.scale for s in styles) < 1.5
    assert {(s.contrast, s.brightness, s.inverted, s.noise) for s in styles} == {(1, 0, False, 0)}
    more = style(Shifts(rotation=20.0, scale=1.5, noise=0.1, inversion=1.0), 0, 7)
    assert (more.rotation, more.scale) == (styles[7].rotation, styles[7].scale)
    assert more.inverted
    assert style(few, 1, 7) != styles[7]


def test_inversion_is_a_share_of_the_users():
    inverted = [style(Shifts(inversion=0.25), 0, user).inverted for user in range(1000)]
    assert 0.2 < np.mean(inverted) < 0.3


def test_a_label_subset_keeps_the_shares_of_the_data():
    counts = np.array([10, 20, 30, 40])
    weights = class_weights(Shifts(label_subset=2), counts, 0, 5)
    kept = np.flatnonzero(weights)
    assert len(kept) == 2
    np.testing.assert_allclose(weights[kept], counts[kept] / counts[kept].sum())
    subsets = {tuple(np.flatnonzero(class_weights(Shifts(label_subset=2), counts, 0, user)))
               for user in range(60)}  # fmt: skip
    assert len(subsets) == 6


def test_a_small_alpha_gives_most_samples_to_few_classes():
    counts = np.full(10, 100)

    def largest(alpha):
        return np.mean([class_weights(Shifts(label_skew=alpha), counts, 0, user).max()
                        for user in range(100)])  # fmt: skip

    assert largest(0.1) > 0.6
    assert largest(100.0) < 0.15


def test_the_samples_of_a_user_are_of_its_classes_and_none_is_there_twice():
    classes = np.repeat(np.arange(5), 4)
    found = chosen(Shifts(label_subset=2), classes, 6, 0, 1)
    assert len(set(found)) == 6
    assert len(set(classes[found])) == 2
    with pytest.raises(DataError, match="needs 9 samples, but the classes of user 1 have 8"):
        chosen(Shifts(label_subset=2), classes, 9, 0, 1)


def test_what_moves_pixels_is_for_images():
    shifts.refuse_unfit(Shifts(noise=0.1), 2)
    with pytest.raises(DataError, match="rotation is for images"):
        shifts.refuse_unfit(Shifts(rotation=5.0), 2)
