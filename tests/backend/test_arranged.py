"""In which structure a live Keras model takes its inputs."""

import numpy as np
import pytest

from converter.backend.tensorflow import arranged, keras

L = keras.layers
A, B = np.ones((2, 3), np.float32), np.full((2, 4), 2, np.float32)


def joined(make):
    a, b = keras.Input((3,), name="a"), keras.Input((4,), name="b")
    return keras.Model(make(a, b), L.Concatenate()([a, b]))


def alone(make):
    x = keras.Input((3,), name="x")
    return keras.Model(make(x), L.Identity()(x))


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (keras.Sequential([keras.Input((3,)), L.Identity()]), [A]),
        (alone(lambda x: x), [A]),
        (alone(lambda x: [x]), [A]),
        (alone(lambda x: {"x": x}), [A]),
        (joined(lambda a, b: [a, b]), [A, B]),
        (joined(lambda a, b: (a, b)), [A, B]),
        (joined(lambda a, b: {"a": a, "b": b}), [A, B]),
    ],
)
def test_a_model_gets_its_inputs_as_it_was_made(model, values):
    """Keras warns of another structure, and a warning fails here."""
    assert np.array_equal(model(arranged(model, values)), np.concatenate(values, 1))
