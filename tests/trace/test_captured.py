"""Arrays and variables that a live model reads from outside its own weights."""

import numpy as np
import pytest

import converter
from converter.backend.tensorflow import keras, tf
from converter.errors import UnsupportedError

L, ops = keras.layers, keras.ops
SHAPE = (8, 9, 3)
RNG = np.random.default_rng(0)
ARRAY = RNG.normal(size=(1, *SHAPE)).astype(np.float32)
KERNEL = RNG.normal(size=(3, 3, 3, 5)).astype(np.float32)


class Shifted(L.Layer):
    """Adds what is no weight of it: an array, or a variable that Keras does not know."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def build(self, shape):
        self.table = self.kind(ARRAY)

    def call(self, x):
        return x + self.table


class Looked(L.Layer):
    def call(self, x):
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant([0, 1]), tf.constant([1.0, 2.0])), 0.5
        )
        return x * table.lookup(tf.constant([[[[0]]]]))


MODELS = {
    "ones": lambda x: x + tf.ones((1, *SHAPE)),
    "a few ones": lambda x: x + tf.ones((1, 1, 1, 3)),
    "an array of TensorFlow": lambda x: x * tf.constant(ARRAY),
    "an array of NumPy": lambda x: x - ARRAY,
    "an array in a layer": lambda x: L.Add()([x, tf.constant(ARRAY)]),
    "an array beside": lambda x: ops.concatenate([x, tf.constant(ARRAY)], axis=-1),
    "a kernel": lambda x: ops.conv(x, tf.constant(KERNEL)),
    "a matrix": lambda x: ops.matmul(x, tf.constant(KERNEL[0, 0])),
    "a function": lambda x: L.Lambda(lambda t: t * tf.constant(ARRAY))(x),
    "a variable": lambda x: x * tf.Variable(ARRAY),
    "a variable of Keras": lambda x: x * keras.Variable(ARRAY),
    "an array of an own layer": lambda x: Shifted(tf.constant)(x),
    "a variable of an own layer": lambda x: Shifted(tf.Variable)(x),
    "a maximum": lambda x: ops.maximum(x, tf.constant(ARRAY)),
}


def model(function):
    keras.utils.set_random_seed(1)
    x = keras.Input(SHAPE, name="x")
    made = keras.Model(x, L.Dense(3, "softmax", name="head")(L.Flatten()(function(x))))
    made.compile("sgd", "categorical_crossentropy")
    return made


@pytest.mark.parametrize("name", MODELS)
def test_what_a_live_model_reads_from_outside_becomes_a_constant(name):
    live = model(MODELS[name])
    x = np.random.default_rng(3).normal(size=(2, *SHAPE)).astype(np.float32)
    expected = [live(sample[None], training=False)[0] for sample in x]
    converted = converter.convert(live, layers=["head"])
    np.testing.assert_allclose(next(iter(converted.predict(x).values())), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["a variable", "an array of an own layer"])
def test_an_update_needs_no_copy_of_such_a_model(name):
    found = converter.convert(model(MODELS[name]), layers=["head"], verify_update=True)
    assert any("update steps equal Keras's" in note for note in found.report.notes)


def test_a_table_is_refused_by_name():
    with pytest.raises(UnsupportedError, match=r"'looked' \(Looked\).*'LookupTable"):
        converter.convert(model(lambda x: Looked(name="looked")(x)), layers=["head"])


def test_joining_samples_is_refused_by_name():
    live = model(lambda x: L.Concatenate(axis=0, name="both")([x, tf.constant(ARRAY)]))
    with pytest.raises(UnsupportedError, match=r"'both'.*along the axis of the samples"):
        converter.convert(live, layers=["head"])
