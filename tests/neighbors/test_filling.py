"""What a k-nearest-neighbours classifier is told: how many neighbors, and labels of either type."""

import numpy as np
import pytest

from converter.errors import DataError
from converter.neighbors.filling import labels_of
from converter.neighbors.settings import settings
from converter.recipe import Choice, Recipe


@pytest.mark.parametrize(
    ("asked", "count", "choices"),
    [
        (1500, 1500, range(1, 1501)),
        (Choice(min=2, max=4), 4, range(2, 5)),
        (Choice(default=2000), 2000, range(1, 2001)),
        (Choice(allowed=(2, 4)), 2, (2, 4)),
    ],
)
def test_any_number_of_neighbors(asked, count, choices):
    found = settings(Recipe(model="m.h5", knn=True, neighbors=asked))
    assert (found.neighbors, found.choices) == (count, choices)


LABELS = {
    "text among numbers": ([0, 1], None, "none", "but the default label 'none' is a text"),
    "number among texts": (["a", "b"], None, 3, "but the default label '3' is a number"),
    "no class": (["a", "bird"], ("a", "b"), None, "'bird' is none of the 2 classes"),
    "no place": ([0, 2], ("a", "b"), None, "'2' is none of the 2 classes"),
    "fractions": ([0.5, 1.0], None, None, "are no whole numbers"),
    "not a number": ([np.nan], None, None, "are no whole numbers"),
    "one-hot": (np.eye(2), None, None, r"of shape \[2, 2\]"),
    "blank": (["a", " "], None, None, "a label is empty"),
    "too large": (np.uint64([2**63 + 1]), None, None, "more than 64 bits"),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_that_do_not_fit(case):
    y, classes, default, message = LABELS[case]
    with pytest.raises(DataError, match=message):
        labels_of("some.npz", y, classes, default, is_folder=False)


@pytest.mark.parametrize(
    ("y", "classes", "default", "is_folder", "labels"),
    [
        ([0, 1], ("cat", "dog"), None, False, ("cat", "dog")),
        ([[3.0], [4.0]], None, None, False, (3, 4)),
        (["10", "7"], None, None, True, (10, 7)),
        (["10", "7"], None, "unknown", True, ("10", "7")),
        (["10", "7"], None, None, False, ("10", "7")),
        (["1", "2"], (1, 2, 3), None, True, (1, 2)),
        (["²", "1"], None, None, True, ("²", "1")),
        (["9" * 19, "1"], None, None, True, ("9" * 19, "1")),
    ],
)
def test_the_labels_decide_of_which_type_they_are(y, classes, default, is_folder, labels):
    assert labels_of("some", y, classes, default, is_folder) == labels
