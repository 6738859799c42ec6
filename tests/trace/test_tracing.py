"""Models that Keras itself cannot call: one line names the layer and gives Keras's reason."""

import numpy as np
import pytest

from converter.backend.tensorflow import keras, tf
from converter.errors import ParityError, UnsupportedError
from converter.proof.keras_model import keras_predictions
from converter.trace.tracing import trace

L = keras.layers


@keras.saving.register_keras_serializable("tests")
class Failing(L.Layer):
    """Code of a user's own that fails on one sample, in a graph or outside of it."""

    def __init__(self, kind=TypeError, eagerly=False, **options):
        super().__init__(**options)
        self.kind, self.eagerly = kind, eagerly

    def call(self, x):
        if x.shape[0] == 1 and tf.executing_eagerly() == self.eagerly:
            raise self.kind("takes\nno tensors")
        return x


def inside(layer):
    """Return a model in which `layer` stands in a model within the model."""
    nested = keras.Sequential([keras.Input((3,)), layer], name="nested")
    return keras.Sequential([keras.Input((3,)), nested, L.Dense(2)])


@pytest.mark.parametrize("kind", [TypeError, ValueError, AttributeError, NotImplementedError])
def test_an_error_in_a_layer_is_told_with_its_name(kind):
    with pytest.raises(UnsupportedError) as caught:
        trace(inside(Failing(kind, name="mine")))
    expected = "layer 'mine' (Failing): Keras cannot call it: takes no tensors"
    assert str(caught.value) == expected


def test_an_error_in_a_function_of_keras_is_told_with_its_name():
    x = keras.Input((4, 4, 3))
    y = keras.ops.softmax(L.Conv2D(3, 1)(x), axis=(1, 2))
    with pytest.raises(UnsupportedError, match=r"^layer 'softmax\w*' \(Softmax\): Keras cannot"):
        trace(keras.Model(x, y))


def test_a_crop_that_does_not_crop_is_to_blame_for_shapes_alone():
    crop = [keras.Input((9, 7, 3)), L.RandomCrop(6, 5, name="crop"), L.Flatten()]
    with pytest.raises(UnsupportedError, match=r"'crop' \(RandomCrop\): does not crop"):
        trace(keras.Sequential([*crop, L.Dense(2)]))
    with pytest.raises(UnsupportedError, match=r"'mine' \(Failing\): Keras cannot call it: takes"):
        trace(keras.Sequential([*crop, Failing(name="mine")]))


def test_an_error_while_predictions_are_compared_is_told_with_the_layer():
    model = inside(Failing(eagerly=True, name="mine"))
    with pytest.raises(ParityError) as caught:
        keras_predictions(model, [np.zeros((1, 3), np.float32)], 0)
    message = str(caught.value)
    assert message.startswith("layer 'mine' (Failing): Keras cannot call it on random inputs (")
    assert "\n" not in message
    assert "--no-verify" in message
