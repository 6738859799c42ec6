"""Models with their channels first: TensorFlow has kernels for them on some processors only."""

from pathlib import Path

import numpy as np
import pytest

import converter
from converter.backend.layouts import any_layout
from converter.backend.tensorflow import keras, tf
from converter.proof import keras_model
from tests.lower.oracle import check, randomized, sequential

L = keras.layers
FIRST = {"data_format": "channels_first"}
RELU = {"activation": "relu", **FIRST}
ZOO = Path(__file__).parents[2] / "fixtures" / "keras_files"

KINDS = {
    "convolution": lambda: L.Conv2D(4, 3, strides=2, padding="same", **RELU),
    "dilated": lambda: L.Conv2D(4, 2, dilation_rate=2, **RELU),
    "transposed": lambda: L.Conv2DTranspose(4, 3, strides=2, **RELU),
    "depthwise": lambda: L.DepthwiseConv2D(3, depth_multiplier=2, **RELU),
    "separable": lambda: L.SeparableConv2D(4, 3, **RELU),
    "max pooling": lambda: L.MaxPooling2D(**FIRST),
    "average pooling": lambda: L.AveragePooling2D(2, padding="same", **FIRST),
    "global pooling": lambda: L.GlobalMaxPooling2D(keepdims=True, **FIRST),
    "batch normalization": lambda: L.BatchNormalization(axis=1),
    "zero padding": lambda: L.ZeroPadding2D(2, **FIRST),
    "upsampling": lambda: L.UpSampling2D(**FIRST),
    "cropping": lambda: L.Cropping2D(1, **FIRST),
}


@pytest.mark.parametrize("kind", KINDS)
def test_layers_between_convolutions(kind):
    layers = L.Conv2D(5, 3, **RELU), KINDS[kind](), L.Conv2D(3, 1, **RELU), L.Flatten(**FIRST)
    check(sequential((2, 11, 13), *layers, L.Dense(4)))


SIGNAL_KINDS = {
    "convolution": lambda: L.Conv1D(4, 3, padding="same", **RELU),
    "transposed": lambda: L.Conv1DTranspose(4, 3, strides=2, **RELU),
    "separable": lambda: L.SeparableConv1D(4, 3, **RELU),
    "pooling": lambda: L.MaxPooling1D(**FIRST),
}


@pytest.mark.parametrize("kind", SIGNAL_KINDS)
def test_layers_between_convolutions_of_signals(kind):
    layers = L.Conv1D(5, 3, **RELU), SIGNAL_KINDS[kind](), L.Conv1D(3, 1, **RELU)
    check(sequential((2, 13), *layers, L.Flatten(**FIRST), L.Dense(4)))


def images():
    return keras.Sequential([
        keras.Input((3, 14, 12)),
        L.Conv2D(6, 3, padding="same", name="conv1", **RELU), L.MaxPooling2D(**FIRST),
        L.Dropout(0.5), L.Conv2D(4, 3, strides=2, name="conv2", **RELU),
        L.AveragePooling2D(2, **FIRST), L.Flatten(**FIRST),
        L.Dense(5, activation="tanh", name="dense"), L.Dense(3, activation="softmax", name="head"),
    ])  # fmt: skip


def signals():
    return keras.Sequential([
        keras.Input((3, 16)),
        L.Conv1D(6, 3, name="conv1", **RELU), L.MaxPooling1D(**FIRST),
        L.Conv1D(4, 3, name="conv2", **RELU), L.Flatten(**FIRST),
        L.Dense(3, activation="softmax", name="head"),
    ])  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("make", [images, signals])
def test_steps_are_those_of_keras(make):
    keras.utils.set_random_seed(7)
    model = make()
    model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy")
    made = converter.convert(model, layers=("*",))
    assert made.report.parity <= 1e-5
    result = made.verify(steps=3)
    assert result.passed(), result
    learning = {tensor.name.split(".")[0] for tensor in result.tensors}
    assert learning == {layer.name for layer in model.layers if layer.weights}


@pytest.mark.parametrize("name", ["keras122_channels_first.h5", "keras224_theano.h5"])
def test_files_of_old_keras(name):
    made = converter.convert(ZOO / name)
    assert made.report.parity <= 1e-5
    assert made.verify(steps=2).passed()


CONVOLUTIONS = {
    "convolution": (L.Conv2D, {"strides": 2, "padding": "same"}),
    "dilated": (L.Conv2D, {"dilation_rate": 2}),
    "grouped": (L.Conv2D, {"groups": 2}),
    "transposed": (L.Conv2DTranspose, {"strides": 2}),
    "transposed, same": (L.Conv2DTranspose, {"strides": 2, "padding": "same"}),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_both_layouts_compute_the_same(kind):
    layer, options = CONVOLUTIONS[kind]
    x = np.random.default_rng(0).normal(size=(2, 4, 9, 7)).astype(np.float32)
    first = randomized(keras.Sequential([keras.Input((4, 9, 7)), layer(6, 3, **FIRST, **options)]))
    last = randomized(keras.Sequential([keras.Input((9, 7, 4)), layer(6, 3, **options)]))
    (found,) = keras_model.keras_outputs(first, [x])
    (expected,) = keras_model.keras_outputs(last, [x.transpose(0, 2, 3, 1)])
    np.testing.assert_allclose(found, expected.transpose(0, 3, 1, 2), rtol=1e-5, atol=1e-5)


def test_tensorflow_is_left_as_it_was():
    before = tf.nn.convolution, tf.nn.conv_transpose
    with any_layout():
        assert tf.nn.convolution is not before[0]
    assert (tf.nn.convolution, tf.nn.conv_transpose) == before
