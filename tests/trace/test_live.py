"""Live models that do what no layer of Keras does, or leave open what a file says."""

import numpy as np
import pytest

import converter
from converter.backend.tensorflow import keras, tf
from converter.errors import UnsupportedError, UsageError
from tests.lower.oracle import randomized

L = keras.layers


class Wide(L.Layer):
    """A dilated convolution of its own."""

    def __init__(self, dilation_rate, **options):
        super().__init__(**options)
        self.dilation_rate = dilation_rate

    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 2, shape[-1], 4), name="kernel")

    def call(self, x):
        return keras.ops.conv(x, self.kernel, dilation_rate=self.dilation_rate)


@pytest.mark.parametrize("rate", [2, (2, 1), [1, 3]])
def test_an_own_layer_with_dilation(rate):
    x = keras.Input((9, 10, 3), name="x")
    wide = Wide(rate)(x)
    model = keras.Model(x, L.Dense(3, "softmax", name="head")(L.Flatten()(wide)))
    model.compile("sgd", "categorical_crossentropy")
    converted = converter.convert(randomized(model), layers=["head"])
    sample = np.random.default_rng(3).normal(size=(2, 9, 10, 3)).astype(np.float32)
    found = next(iter(converted.predict(sample).values()))
    np.testing.assert_allclose(found, model(sample), atol=1e-5)


class Odd(L.Layer):
    def call(self, x):
        return tf.math.lgamma(x)


def test_an_operation_that_nobody_knows_is_named_with_its_layer():
    x = keras.Input((5,))
    model = keras.Model(x, L.Dense(3, "softmax", name="head")(Odd(name="odd")(x)))
    with pytest.raises(UnsupportedError) as error:
        converter.convert(model, layers=["head"])
    assert str(error.value) == (
        "layer 'odd' (Odd): its TensorFlow operation 'Lgamma' is unknown to coremltools; "
        "replace the layer before converting"
    )


def open_model():
    x = keras.Input((None, None, 3), name="x")
    pooled = L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(x))
    model = keras.Model(x, L.Dense(3, "softmax", name="head")(pooled))
    model.compile("sgd", "categorical_crossentropy")
    return randomized(model)


def test_dimensions_that_stay_open_must_be_told():
    with pytest.raises(UsageError, match=r"open \(\?,\?,3\); give them: input_shape=\(224,224,3\)"):
        converter.convert(open_model())
    with pytest.raises(UsageError, match=r"\(12,14,1\) does not fit the model's \(\?,\?,3\)"):
        converter.convert(open_model(), input_shape=(12, 14, 1))


def test_dimensions_that_are_told():
    model = open_model()
    converted = converter.convert(model, input_shape=(12, 14, 3))
    assert list(converted.spec.description.input[0].type.multiArrayType.shape) == [3, 12, 14]
    sample = np.random.default_rng(3).normal(size=(2, 12, 14, 3)).astype(np.float32)
    found = next(iter(converted.predict(sample).values()))
    np.testing.assert_allclose(found, model(sample), atol=1e-5)
