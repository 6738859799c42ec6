"""A Keras model that TensorFlow cannot run on this processor: one line says so."""

import numpy as np
import pytest

from converter.backend.tensorflow import keras, tf
from converter.errors import ParityError
from converter.proof.keras_model import keras_predictions


class OnOtherProcessors(keras.layers.Layer):
    """Fails like a convolution with channels first, which only some processors have."""

    def call(self, x):
        if tf.executing_eagerly():
            raise tf.errors.UnimplementedError(
                None, None, "{{function_node f}} The Conv2D op only supports NHWC. More\nand more"
            )
        return x


def test_one_line_says_what_to_do():
    model = keras.Sequential([keras.Input((2,)), OnOtherProcessors()])
    with pytest.raises(ParityError) as caught:
        keras_predictions(model, [np.zeros((1, 2), np.float32)], 0)
    (line,) = str(caught.value).splitlines()
    assert "run the Keras model here (The Conv2D op only supports NHWC), so" in line
    assert "--no-verify" in line
