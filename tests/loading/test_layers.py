"""Activations, regularizers and constraints in every notation in which files have them."""

import keras
import numpy as np
import pytest

from converter.errors import KerasFileError
from converter.keras_file import StoredLayer
from converter.loading.build import Builder

X = np.array([[-2.0, 0.0, 1.5]], np.float32)


def made(**arguments):
    """Return the live dense layer with `arguments`, and what was noted."""
    builder = Builder()
    stored = StoredLayer("d", "Dense", {"name": "d", "units": 2, **arguments}, stored_class="Dense")
    return builder.build(stored).layer, builder.notes


@keras.saving.register_keras_serializable("tests")
def doubled(x):
    return 2.0 * x


ACTIVATIONS = {
    "none": (None, X),
    "linear": ("linear", X),
    "a function": ("relu", [[0.0, 0.0, 1.5]]),
    "a class of layers": ("ReLU", [[0.0, 0.0, 1.5]]),
    "another class of layers": ("ELU", [[np.expm1(-2.0), 0.0, 1.5]]),
    "one's own": ("tests>doubled", 2 * X),
    "of Keras 2": ("hard_sigmoid_of_keras_2", [[0.1, 0.5, 0.8]]),  # 0.2 x + 0.5
}


@pytest.mark.parametrize("notation", ACTIVATIONS)
def test_an_activation_computes_what_it_is_called(notation):
    stored, expected = ACTIVATIONS[notation]
    layer, _ = made(activation=stored)
    np.testing.assert_allclose(layer.activation(X), expected, rtol=1e-6)


def test_an_activation_that_is_a_layer_stays_one():
    assert type(made(activation="LeakyReLU")[0].activation) is keras.layers.LeakyReLU
    assert made(activation="leaky_relu")[0].activation is keras.activations.leaky_relu


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("twist", "has the activation 'twist', which Keras does not have"),
        (["relu"], r"has an activation that cannot be read \(\['relu'\]\)"),
        ({"class_name": "x"}, r"has an activation that cannot be read \({'class_name': 'x'}\)"),
    ],
)
def test_any_other_activation_is_refused_by_name(stored, words):
    with pytest.raises(KerasFileError, match=rf"^layer 'd' \(Dense\) {words}$"):
        made(activation=stored)


PENALTIES = {
    "none": ("kernel_regularizer", None, None, {}),
    "a name": ("kernel_regularizer", "l2", keras.regularizers.L2, {"l2": 0.01}),
    "the name of a constraint": (
        "kernel_constraint", "non_neg", keras.constraints.NonNeg, {}
    ),
    "Keras 1": (
        "kernel_regularizer", {"name": "L1L2Regularizer", "l1": 0.5, "l2": 0.25},
        keras.regularizers.L1L2, {"l1": 0.5, "l2": 0.25},
    ),
    "a constraint of Keras 1": (
        "kernel_constraint", {"name": "MaxNorm", "m": 3, "axis": 1},
        keras.constraints.MaxNorm, {"max_value": 3, "axis": 1},
    ),
    "Keras 3": (
        "kernel_constraint", {"class_name": "MaxNorm", "config": {"max_value": 3, "axis": 1}},
        keras.constraints.MaxNorm, {"max_value": 3, "axis": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("notation", PENALTIES)
def test_a_penalty_is_what_it_is_called(notation):
    key, stored, kind, config = PENALTIES[notation]
    layer, notes = made(**{key: stored})
    found = getattr(layer, key)
    assert type(found) is (kind or type(None))
    assert {name: pytest.approx(getattr(found, name)) for name in config} == config
    assert not notes


@pytest.mark.parametrize("key", ["kernel_regularizer", "bias_constraint"])
def test_a_penalty_that_is_not_known_is_left_out_and_noted(key):
    layer, notes = made(**{key: {"class_name": "Twist", "config": {}}})
    assert getattr(layer, key) is None
    assert notes == [f"layer 'd': its {key} 'Twist' is not known and left out"]
