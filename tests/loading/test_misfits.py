"""Weights of another model are refused: what the file has, what the model, and where they part."""

import re

import numpy as np
import pytest

from converter.backend.tensorflow import keras
from converter.errors import KerasFileError
from converter.loading import load
from tests.keras_file.forms import FORMS
from tests.paths import ZOO

L = keras.layers


def model(*units, prefix="dense"):
    layers = [L.Dense(n, name=f"{prefix}_{number}") for number, n in enumerate(units)]
    return keras.Sequential([keras.Input((4,)), L.Dropout(0.5), *layers])


@pytest.fixture
def described(tmp_path):
    """A model of two dense layers, 4 -> 3 -> 2, without weights."""
    path = tmp_path / "model.json"
    path.write_text(model(3, 2).to_json())
    return path


BY_CLASS = "holds arrays of {} layers of class 'dense', but the model has 2 with weights"
IN_ORDER = "holds arrays of {} layers, but the model has 2 with weights; the first "
MISFITS = {
    "one too few": ((3,), ".weights.h5", BY_CLASS.format(1)),
    "one too many": ((3, 2, 1), ".weights.h5", BY_CLASS.format(3)),
    "one too few, of another size": (
        (5,), ".weights.h5",
        f"{BY_CLASS.format(1)}; 'dense_0' has the shapes [(4, 3), (3,)], the file [(4, 5), (5,)]",
    ),
    "one too many, of another size": (
        (3, 6, 2), ".weights.h5",
        f"{BY_CLASS.format(3)}; 'dense_1' has the shapes [(3, 2), (2,)], the file [(3, 6), (6,)]",
    ),
    "one too few, under other names": ((3,), ".h5", f"{IN_ORDER.format(1)}without is 'dense_1'"),
    "one too many, under other names": (
        (3, 2, 1), ".h5", f"{IN_ORDER.format(3)}too many is 'other_2'"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISFITS)
def test_too_few_or_too_many_layers(case, described, tmp_path):
    units, ending, words = MISFITS[case]
    found, path = model(*units, prefix="other"), tmp_path / f"other{ending}"
    (found.save if ending == ".h5" else found.save_weights)(path)
    with pytest.raises(KerasFileError, match=f"{re.escape(words)}$"):
        load(described, weights=path)


@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
def test_as_many_layers_of_the_same_sizes_fit_under_other_names(ending, described, tmp_path):
    found, path = model(3, 2, prefix="other"), tmp_path / f"other{ending}"
    (found.save if ending == ".h5" else found.save_weights)(path)
    for ours, theirs in zip(
        load(described, weights=path).model.get_weights(), found.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


OTHER_NAMES = (
    "the weights are of layers with other names ('other_0'; the first layer here is 'dense_0'), "
    "and went to the layers in their order, as in Keras"
)


@pytest.mark.parametrize(
    ("prefix", "ending", "notes"),
    [
        ("dense", ".h5", ()),
        ("other", ".h5", (OTHER_NAMES,)),
        ("other", ".weights.h5", ()),
    ],
)  # fmt: skip
def test_names_of_other_layers_are_told_where_layers_go_by_names(
    prefix, ending, notes, described, tmp_path
):
    found, path = model(3, 2, prefix=prefix), tmp_path / f"other{ending}"
    (found.save if ending == ".h5" else found.save_weights)(path)
    assert load(described, weights=path).notes == notes


def test_weights_are_read_as_the_keras_that_wrote_them_stores_them(tmp_path):
    """The kernels of signals had an axis more in Keras 1."""
    old, described = ZOO / "keras122_signal.h5", tmp_path / "today.json"
    whole = load(old).model
    described.write_text(whole.to_json())
    filled = load(described, weights=old).model
    for ours, theirs in zip(filled.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkpoint_has_the_layers_in_their_order_by_whatever_name():
    checkpoint = FORMS / "tf215_apart_saved"
    assert load(FORMS / "tf215_apart.json", weights=checkpoint).notes == ()
