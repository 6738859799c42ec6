"""Regularizers and constraints are loaded as they were: notes tell of them, verify leaves them."""

import keras
import pytest

from converter.loading import compile_settings_of, load

PENALTIES = {
    "kernel_regularizer": keras.regularizers.L1L2(0.1, 0.2),
    "bias_regularizer": keras.regularizers.L2(0.3),
    "activity_regularizer": keras.regularizers.L1(0.4),
    "kernel_constraint": keras.constraints.MaxNorm(1.5, axis=1),
    "bias_constraint": keras.constraints.NonNeg(),
}


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_penalties_are_those_of_the_file(suffix, tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="a", **PENALTIES)])
    model.save(tmp_path / f"m{suffix}")
    loaded = load(tmp_path / f"m{suffix}")
    layer = loaded.model.get_layer("a")
    for name, given in PENALTIES.items():
        found = getattr(layer, name)
        assert type(found) is type(given)
        assert found.get_config() == given.get_config()
    assert loaded.notes == ()


@keras.saving.register_keras_serializable("mine")
class Twice(keras.regularizers.Regularizer):
    def __call__(self, x):
        return 2.0 * keras.ops.sum(x)

    def get_config(self):
        return {}


def test_one_that_is_not_known_is_left_out_and_told(tmp_path):
    dense = keras.layers.Dense(2, name="a", kernel_regularizer=Twice())
    keras.Sequential([keras.Input((3,)), dense]).save(tmp_path / "m.keras")
    loaded = load(tmp_path / "m.keras")
    assert loaded.model.get_layer("a").kernel_regularizer is None
    (note,) = loaded.notes
    assert note == "layer 'a': its kernel_regularizer 'Twice' is not known and left out"


def test_what_is_no_model_was_not_compiled():
    assert compile_settings_of(keras.layers.Dense(2)) is None
