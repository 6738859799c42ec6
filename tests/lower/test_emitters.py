"""Every emitter against Keras, through `oracle.check`, and the layers it should become."""

import numpy as np
import pytest

from converter import runtime
from converter.backend.tensorflow import keras, tf
from converter.errors import UnsupportedError
from converter.lower.weighted import Weighted
from tests.lower.oracle import check, lowered_spec, randomized, sequential

L, ops = keras.layers, keras.ops
IMAGE, EVEN = (8, 9, 3), (8, 9, 4)

LAYERS = {
    # convolution
    "conv": (IMAGE, [L.Conv2D(4, 3)], ["convolution"]),
    "conv rectangular": (IMAGE, [L.Conv2D(4, (3, 2), strides=(2, 1))], ["convolution"]),
    "conv same stride": (IMAGE, [L.Conv2D(4, 3, strides=2, padding="same")], ["convolution"]),
    "conv even kernel": (IMAGE, [L.Conv2D(4, 2, padding="same")], ["convolution"]),
    "conv no bias": (IMAGE, [L.Conv2D(4, 3, use_bias=False)], ["convolution"]),
    "conv dilated": (IMAGE, [L.Conv2D(4, 3, dilation_rate=2)], ["convolution"]),
    "conv dilated same": (
        IMAGE, [L.Conv2D(4, 3, dilation_rate=(2, 3), padding="same")], ["convolution"]
    ),
    "conv groups": ((8, 8, 4), [L.Conv2D(6, 3, groups=2)], ["convolution"]),
    "conv padded": (
        IMAGE, [L.ZeroPadding2D(((1, 0), (2, 3))), L.Conv2D(4, 3, strides=2)], ["convolution"]
    ),
    "conv same padded": (
        IMAGE, [L.ZeroPadding2D(1), L.Conv2D(4, 3, padding="same")], ["padding", "convolution"]
    ),
    "depthwise": (IMAGE, [L.DepthwiseConv2D(3, depth_multiplier=2)], ["convolution"]),
    "depthwise dilated": (IMAGE, [L.DepthwiseConv2D(3, dilation_rate=2)], ["convolution"]),
    "depthwise strided": (
        IMAGE, [L.DepthwiseConv2D(3, strides=2, padding="same")], ["convolution"]
    ),
    "separable": (IMAGE, [L.SeparableConv2D(5, 3)], ["convolution"] * 2),
    "transposed same": (
        IMAGE, [L.Conv2DTranspose(5, 3, strides=2, padding="same")], ["convolution"]
    ),
    "transposed valid": (IMAGE, [L.Conv2DTranspose(5, 3, strides=2)], ["convolution"]),
    "transposed overlap": (IMAGE, [L.Conv2DTranspose(2, 4, strides=(1, 2))], ["convolution"]),
    "conv 1d": ((16, 3), [L.Conv1D(4, 3, padding="same")], ["convolution"]),
    "conv 1d causal": ((16, 3), [L.Conv1D(4, 3, padding="causal")], ["convolution"]),
    "conv 1d dilated": (
        (16, 3),
        [L.Conv1D(4, 3, padding="causal", dilation_rate=2), L.Conv1D(2, 3, dilation_rate=3)],
        ["convolution"] * 2,
    ),
    "conv dilated same, odd size": (
        (6, 8, 2), [L.Conv2D(2, (2, 1), padding="same", dilation_rate=2)], ["convolution"]
    ),
    "separable dilated": (
        IMAGE, [L.SeparableConv2D(5, 2, dilation_rate=2, padding="same")], ["convolution"] * 2
    ),
    "separable 1d": ((16, 3), [L.SeparableConv1D(4, 3)], ["convolution"] * 2),
    # dense
    "dense": ((7,), [L.Dense(4)], ["innerProduct"]),
    "dense no bias": ((7,), [L.Dense(4, use_bias=False)], ["innerProduct"]),
    "dense over pixels": (IMAGE, [L.Dense(4)], ["convolution"]),
    "dense over steps": ((6, 3), [L.Dense(4, activation="relu")], ["convolution", "activation"]),
    # folding
    "conv batch norm": (IMAGE, [L.Conv2D(4, 3), L.BatchNormalization()], ["convolution"]),
    "bare conv batch norm": (
        IMAGE, [L.Conv2D(4, 3, use_bias=False), L.BatchNormalization()], ["convolution"]
    ),
    "depthwise batch norm": (
        IMAGE, [L.DepthwiseConv2D(3), L.BatchNormalization()], ["convolution"]
    ),
    "transposed batch norm": (
        IMAGE, [L.Conv2DTranspose(4, 3), L.BatchNormalization()], ["convolution"]
    ),
    "grouped transposed batch norm": (
        (5, 5, 4), [L.Conv2D(4, 1, groups=2), L.BatchNormalization()], ["convolution"]
    ),
    "dense batch norm": ((7,), [L.Dense(4), L.BatchNormalization()], ["innerProduct"]),
    "batch norm conv": (IMAGE, [L.BatchNormalization(), L.Conv2D(4, 3)], ["convolution"]),
    "batch norm depthwise": (
        IMAGE, [L.BatchNormalization(), L.DepthwiseConv2D(3)], ["convolution"]
    ),
    "batch norm grouped": (
        (5, 5, 4), [L.BatchNormalization(), L.Conv2D(6, 2, groups=2)], ["convolution"]
    ),
    "batch norm same conv": (
        IMAGE, [L.BatchNormalization(), L.Conv2D(4, 3, padding="same")], ["scale", "convolution"]
    ),
    "batch norm padded conv": (
        IMAGE, [L.BatchNormalization(), L.ZeroPadding2D(), L.Conv2D(4, 3)], ["scale", "convolution"]
    ),
    "scaling padded conv": (
        IMAGE, [L.Rescaling(0.5), L.ZeroPadding2D(), L.Conv2D(4, 3)], ["convolution"]
    ),
    "batch norm flatten dense": (
        IMAGE, [L.BatchNormalization(), L.Flatten(), L.Dense(4)], ["flatten", "innerProduct"]
    ),
    "batch norm average dense": (
        IMAGE,
        [L.BatchNormalization(), L.AveragePooling2D(2, padding="same"), L.Flatten(), L.Dense(4)],
        ["pooling", "flatten", "innerProduct"],
    ),
    "batch norm global average dense": (
        IMAGE,
        [L.BatchNormalization(), L.GlobalAveragePooling2D(), L.Dense(4)],
        ["pooling", "innerProduct"],
    ),
    "positive scale max pool conv": (
        IMAGE,
        [L.Rescaling(0.5, 0.1), L.MaxPooling2D(2, padding="same"), L.Conv2D(4, 2)],
        ["pooling", "convolution"],
    ),
    "negative scale max pool": (
        IMAGE, [L.Rescaling(-0.5), L.MaxPooling2D(2)], ["scale", "pooling"]
    ),
    "batch norm alone": (IMAGE, [L.BatchNormalization()], ["scale"]),
    "batch norm no scale": (IMAGE, [L.BatchNormalization(scale=False, center=False)], ["scale"]),
    "conv dropout": (
        IMAGE, [L.Conv2D(4, 3), L.Dropout(0.5), L.SpatialDropout2D(0.5)], ["convolution"]
    ),
    "augmentation": (
        IMAGE, [L.RandomFlip(), L.RandomRotation(0.1), L.GaussianNoise(0.1), L.Conv2D(4, 3)],
        ["convolution"],
    ),
    "rescaling conv": (IMAGE, [L.Rescaling(1 / 127.5, -1), L.Conv2D(4, 3)], ["convolution"]),
    "normalization": (
        IMAGE, [L.Normalization(mean=[1.0, 2, 3], variance=[1.0, 4, 9])], ["scale"]
    ),
    # pooling
    "max pool": (IMAGE, [L.MaxPooling2D()], ["pooling"]),
    "max pool same": (IMAGE, [L.MaxPooling2D(3, 2, padding="same")], ["pooling"]),
    "max pool, other steps": (IMAGE, [L.MaxPooling2D(2, (1, 2))], ["pooling"]),
    "average pool, other steps": (
        IMAGE, [L.AveragePooling2D((3, 2), (2, 1), padding="same")], ["pooling"]
    ),
    "average pool": (IMAGE, [L.AveragePooling2D((3, 2), 1)], ["pooling"]),
    "average pool same": (IMAGE, [L.AveragePooling2D(3, 2, padding="same")], ["pooling"]),
    "padded max pool": (IMAGE, [L.ZeroPadding2D(), L.MaxPooling2D(3, 2)], ["padding", "pooling"]),
    "global average": (IMAGE, [L.GlobalAveragePooling2D()], ["pooling"]),
    "global max": (IMAGE, [L.GlobalMaxPooling2D(keepdims=True)], ["pooling"]),
    "pool 1d": (
        (16, 3), [L.MaxPooling1D(), L.AveragePooling1D(3, 1, padding="same")], ["pooling"] * 2
    ),
    "global average 1d": ((16, 3), [L.GlobalAveragePooling1D()], ["pooling"]),
    # activations
    "relu": (IMAGE, [L.ReLU()], ["activation"]),
    "relu max": (IMAGE, [L.ReLU(max_value=0.7)], None),
    "relu slope": (IMAGE, [L.ReLU(negative_slope=0.1)], ["activation"]),
    "relu threshold": (IMAGE, [L.ReLU(threshold=0.3)], ["activation"]),
    "relu everything": (IMAGE, [L.ReLU(max_value=0.7, negative_slope=0.1, threshold=0.2)], None),
    "relu6": (IMAGE, [L.Rescaling(9), L.Activation("relu6")], ["unary", "unary"]),
    "leaky relu": (IMAGE, [L.LeakyReLU(0.2)], ["activation"]),
    "prelu per channel": (IMAGE, [L.PReLU(shared_axes=[1, 2])], ["activation"]),
    "prelu per pixel": (IMAGE, [L.PReLU()], None),
    "elu": (IMAGE, [L.ELU(0.5)], ["activation"]),
    "selu": (IMAGE, [L.Activation("selu")], ["activation", "scale"]),
    "selu dense": (
        (5,),
        [L.Dense(4, activation="selu"), L.Dense(3)],
        ["innerProduct", "activation", "innerProduct"],
    ),
    "sigmoid": (IMAGE, [L.Activation("sigmoid")], ["activation"]),
    "hard sigmoid": (
        IMAGE, [L.Rescaling(4), L.Activation("hard_sigmoid")], ["scale", "activation"]
    ),
    "tanh": (IMAGE, [L.Activation("tanh")], ["activation"]),
    "softplus": (IMAGE, [L.Activation("softplus")], ["activation"]),
    "softsign": (IMAGE, [L.Activation("softsign")], ["activation"]),
    "swish": (IMAGE, [L.Activation("swish")], ["activation", "multiply"]),
    "hard swish": (IMAGE, [L.Rescaling(5), L.Activation("hard_swish")], None),
    "mish": (IMAGE, [L.Activation("mish")], ["activation", "activation", "multiply"]),
    "exponential": (IMAGE, [L.Activation("exponential")], ["unary"]),
    "log softmax": (IMAGE, [L.Activation("log_softmax")], None),
    "log sigmoid": (IMAGE, [L.Activation("log_sigmoid")], None),
    "hard tanh": (IMAGE, [L.Rescaling(2), L.Activation("hard_tanh")], None),
    "tanh shrink": (IMAGE, [L.Activation("tanh_shrink")], None),
    "squareplus": (IMAGE, [L.Activation("squareplus")], None),
    "celu": (IMAGE, [L.Activation("celu")], None),
    "gelu": (IMAGE, [L.Rescaling(4), L.Activation("gelu")], None),
    "gelu of a vector": ((9,), [L.Dense(8), L.Activation("gelu"), L.Dense(2)], None),
    "threshold": (IMAGE, [L.Lambda(lambda x: keras.ops.threshold(x, 0.1, 0.7))], None),
    "soft shrink": (IMAGE, [L.Activation("soft_shrink")], None),
    "hard shrink": (IMAGE, [L.Activation("hard_shrink")], None),
    # normalization
    "group normalization": (
        EVEN, [L.GroupNormalization(2), L.Conv2D(2, 3)],
        ["reshape", "batchnorm", "reshape", "convolution"],
    ),
    "group normalization, one group": (
        EVEN, [L.GroupNormalization(1, epsilon=0.1)], ["reshape", "batchnorm", "reshape", "scale"]
    ),
    "group normalization, instances": (EVEN, [L.GroupNormalization(-1)], ["batchnorm", "scale"]),
    "group normalization, bare": (
        EVEN, [L.GroupNormalization(2, center=False, scale=False)],
        ["reshape", "batchnorm", "reshape"],
    ),
    "group normalization, scale only": (EVEN, [L.GroupNormalization(2, center=False)], None),
    "group normalization, shift only": (EVEN, [L.GroupNormalization(2, scale=False)], None),
    "group normalization of rows": (EVEN, [L.GroupNormalization(4, axis=1)], None),
    "group normalization of a signal": ((16, 4), [L.GroupNormalization(2)], None),
    "group normalization of a vector": ((12,), [L.GroupNormalization(3), L.Dense(2)], None),
    "layer normalization over all": (IMAGE, [L.LayerNormalization(axis=[1, 2, 3])], None),
    "layer normalization of pixels": (IMAGE, [L.LayerNormalization(axis=[1, 2])], None),
    "unit normalization over all": (IMAGE, [L.UnitNormalization(axis=[1, 2, 3])], None),
    "spectral normalization": (IMAGE, [L.SpectralNormalization(L.Conv2D(3, 2))], ["convolution"]),
    "layer normalization": (IMAGE, [L.LayerNormalization()], None),
    "layer normalization of a vector": ((9,), [L.LayerNormalization(), L.Dense(2)], None),
    "resizing down": (IMAGE, [L.Resizing(3, 4)], None),
    "resizing up": (IMAGE, [L.Resizing(16, 13)], None),
    "resizing nearest": (IMAGE, [L.Resizing(5, 13, interpolation="nearest")], None),
    "resizing bicubic": (IMAGE, [L.Resizing(5, 9, interpolation="bicubic"), L.Conv2D(2, 3)], None),
    "upsampling bilinear": (IMAGE, [L.UpSampling2D(2, interpolation="bilinear")], None),
    "gelu tanh": (IMAGE, [L.Lambda(lambda x: keras.activations.gelu(x, approximate=True))], None),
    "linear": ((5,), [L.Dense(3, activation="linear"), L.Activation("linear")], ["innerProduct"]),
    "softmax": ((5,), [L.Dense(3), L.Softmax()], ["innerProduct", "softmax"]),
    "softmax channels": (IMAGE, [L.Softmax()], ["softmax"]),
    "softmax of pixels": (IMAGE, [L.Softmax(axis=[1, 2]), L.Conv2D(2, 3)], None),
    "softmax over all": (IMAGE, [L.Softmax(axis=[1, 2, 3]), L.Conv2D(2, 3)], None),
    "softmax of columns and channels": (IMAGE, [L.Softmax(axis=[2, -1]), L.Conv2D(2, 3)], None),
    "softmax of a signal": (
        (9, 3), [L.Softmax(axis=1), L.Conv1D(2, 3)],
        ["permute", "softmax", "permute", "convolution"],
    ),
    "softmax rows": (IMAGE, [L.Softmax(axis=1)], ["permute", "softmax", "permute"]),
    # shape
    "flatten": (IMAGE, [L.Flatten(), L.Dense(3)], ["flatten", "innerProduct"]),
    "flatten columns": ((1, 9, 3), [L.Flatten(), L.Dense(3)], ["flatten", "innerProduct"]),
    "flatten one channel": ((8, 9, 1), [L.Flatten(), L.Dense(3)], ["flatten", "innerProduct"]),
    "flatten pixel": ((1, 1, 5), [L.Flatten(), L.Dense(3)], ["innerProduct"]),
    "flatten signal": ((9, 3), [L.Flatten(), L.Dense(3)], ["flatten", "innerProduct"]),
    "permute flatten": (
        IMAGE,
        [L.Permute((2, 1, 3)), L.Flatten(), L.Dense(3)],
        ["permute", "flatten", "innerProduct"],
    ),
    "channels first flatten": (
        IMAGE, [L.Permute((3, 1, 2)), L.Flatten(), L.Dense(3)], ["flatten", "innerProduct"]
    ),
    "permute conv": (IMAGE, [L.Permute((3, 1, 2)), L.Conv2D(3, 2)], ["permute", "convolution"]),
    "reshape": (IMAGE, [L.Reshape((72, 3)), L.Conv1D(2, 3)], ["reshape", "convolution"]),
    "reshape to image": (
        (48,), [L.Reshape((4, 4, 3)), L.Conv2D(2, 3)], ["reshape", "convolution"]
    ),
    "reshape to pixel": (
        IMAGE, [L.GlobalAveragePooling2D(), L.Reshape((1, 1, 3)), L.Conv2D(2, 1)],
        ["pooling", "convolution"],
    ),
    "gray image without channels": (
        (8, 9), [L.Reshape((8, 9, 1)), L.Conv2D(3, 3)], ["convolution"]
    ),
    "channel shuffle": (
        EVEN, [L.Reshape((8, 9, 2, 2)), L.Permute((1, 2, 4, 3)), L.Reshape(EVEN), L.Conv2D(2, 3)],
        ["reshape", "permute", "reshape", "convolution"],
    ),
    "channel shuffle of a signal": (
        (9, 6), [L.Reshape((9, 2, 3)), L.Permute((1, 3, 2)), L.Reshape((9, 6)), L.Conv1D(2, 3)],
        None,
    ),
    "pixel shuffle": (
        EVEN,
        [L.Reshape((8, 9, 2, 2, 1)), L.Permute((1, 3, 2, 4, 5)), L.Reshape((16, 18, 1)),
         L.Conv2D(2, 3)],
        None,
    ),
    "patches": (
        EVEN,
        [L.Reshape((4, 2, 3, 3, 4)), L.Permute((1, 3, 2, 4, 5)), L.Reshape((12, 24)), L.Dense(3)],
        None,
    ),
    "reshape across axes": (
        (6, 4, 2), [L.Reshape((2, 2, 3, 2, 2)), L.Permute((4, 2, 3, 1, 5)), L.Reshape((8, 3, 2))],
        None,
    ),
    "reshape across factors": (
        EVEN, [L.Reshape((8, 9, 2, 2)), L.Permute((3, 1, 2, 4)), L.Reshape((6, 6, 4, 2)),
               L.Permute((3, 1, 2, 4)), L.Reshape((24, 12))],
        None,
    ),
    "depth to space": (
        EVEN, [L.Lambda(lambda x: tf.nn.depth_to_space(x, 2))], ["reorganizeData"]
    ),
    "space to depth": (
        (8, 6, 2), [L.Lambda(lambda x: tf.nn.space_to_depth(x, 2))], ["reorganizeData"]
    ),
    "zero padding": (IMAGE, [L.ZeroPadding2D(((1, 2), (3, 4)))], ["padding"]),
    "cropping": (IMAGE, [L.Cropping2D(((1, 2), (3, 1)))], ["slice", "slice"]),
    "cropping 1d": ((16, 3), [L.ZeroPadding1D(2), L.Cropping1D(1)], ["padding", "slice"]),
    "upsampling": (IMAGE, [L.UpSampling2D((2, 3))], ["upsample"]),
    "upsampling 1d": ((16, 3), [L.UpSampling1D(2)], ["upsample"]),
    "repeat vector": ((4,), [L.RepeatVector(5)], ["upsample"]),
    "unit normalization": (IMAGE, [L.UnitNormalization()], None),
}  # fmt: skip
if hasattr(L, "RMSNormalization"):  # Keras 3.9
    LAYERS |= {
        "root mean square normalization": (IMAGE, [L.RMSNormalization()], None),
        "sparse sigmoid": (IMAGE, [L.Rescaling(3), L.Activation("sparse_sigmoid")], None),
    }


def lowered(name):
    """Compare what `name` became with Keras; return the kinds of its layers."""
    shape, layers, _ = LAYERS[name]
    return check(sequential(shape, *layers))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (*_, kinds) in LAYERS.items() if kinds])
def test_a_layer_predicts_what_keras_predicts(name):
    assert lowered(name) == LAYERS[name][2]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (*_, kinds) in LAYERS.items() if not kinds])
def test_a_layer_of_many_operations_predicts_what_keras_predicts(name):
    """By which of them Keras computes it differs from version to version."""
    assert lowered(name)


def branches(build, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    return randomized(keras.Model(inputs, build(*inputs)))


GRAPHS = {
    "add": (lambda x: L.Add()([L.Conv2D(4, 3, padding="same")(x), L.Conv2D(4, 1)(x)]), [IMAGE]),
    "residual": (
        lambda x: L.Add()([y := L.Conv2D(4, 3)(x), L.BatchNormalization()(L.ReLU()(y))]), [IMAGE]
    ),
    "batch norm of a shared conv": (
        lambda x: L.Concatenate()([y := L.Conv2D(4, 3)(x), L.BatchNormalization()(y)]), [IMAGE]
    ),
    "subtract": (lambda x: L.Subtract()([x, L.Conv2D(3, 1)(x)]), [IMAGE]),
    "multiply average": (
        lambda x: L.Multiply()([x, L.Average()([x, L.Conv2D(3, 1)(x)])]), [IMAGE]
    ),
    "maximum minimum": (
        lambda x: L.Minimum()([L.Maximum()([x, y := L.Conv2D(3, 1)(x)]), L.ReLU()(y)]), [IMAGE]
    ),
    "concatenate": (
        lambda x: L.Conv2D(2, 1)(L.Concatenate()([x, L.Conv2D(2, 1)(x), L.ReLU()(x)])), [IMAGE]
    ),
    "concatenate columns": (lambda x: L.Concatenate(axis=2)([x, L.Conv2D(3, 1)(x)]), [IMAGE]),
    "concatenate vectors": (
        lambda x, y: L.Dense(2)(L.Concatenate()([L.Dense(3)(x), y])), [(4,), (5,)]
    ),
    "two inputs": (
        lambda x, y: L.Dense(2)(L.Concatenate()([L.Flatten()(L.Conv2D(3, 2)(x)), L.Dense(4)(y)])),
        [IMAGE, (5,)],
    ),
    "squeeze and excite": (
        lambda x: L.Multiply()(
            [x, L.Reshape((1, 1, 3))(L.Dense(3, "sigmoid")(L.GlobalAveragePooling2D()(x)))]
        ),
        [IMAGE],
    ),
    "one channel mask": (
        lambda x: L.Multiply()([x, L.Conv2D(1, 1, activation="sigmoid")(x)]), [IMAGE]
    ),
    "operators": (lambda x: (2 - x) / (1.5 + x * x) - (x - 0.5) ** 2 + abs(x) ** 1.5, [IMAGE]),
    "keras ops": (
        lambda x: keras.ops.sqrt(keras.ops.square(x) + 0.1) * keras.ops.exp(-x), [IMAGE]
    ),
    "padding by reflection": (
        lambda x: ops.pad(x, ((0, 0), (1, 2), (3, 1), (0, 0)), mode="reflect"), [IMAGE]
    ),
    "padding by a number": (
        lambda x: ops.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)), constant_values=0.5), [IMAGE]
    ),
    "padding by a number, channels too": (
        lambda x: ops.pad(x, ((0, 0), (1, 0), (0, 2), (1, 1)), constant_values=-0.5), [IMAGE]
    ),
    "tiling that repeats nothing": (lambda x: 2 * ops.tile(x, (1, 1, 1, 1)), [IMAGE]),
    "tiling of one pixel": (
        lambda x: ops.tile(ops.mean(x, axis=(1, 2), keepdims=True), (1, 4, 2, 1)) + 1.0, [IMAGE]
    ),
    "a constant that makes a value larger": (
        lambda x: ops.mean(x, axis=(1, 2), keepdims=True) * np.arange(1, 13.0).reshape(1, 4, 3, 1),
        [IMAGE],
    ),
    "a constant that makes a vector larger": (
        lambda x: ops.reshape(x, (-1, 4, 1)) + np.arange(3.0).reshape(1, 1, 3), [(4,)]
    ),
    "the mean beside the map it came from": (
        lambda x: (y := L.Conv2D(4, 3)(x)) - ops.mean(y, axis=(1, 2), keepdims=True), [IMAGE]
    ),
    "the mean of channels beside the map": (
        lambda x: (y := L.Conv2D(4, 3)(x)) * ops.mean(y, axis=3, keepdims=True), [IMAGE]
    ),
    "the variance beside the map": (
        lambda x: (y := L.Conv2D(4, 3)(x)) / (0.1 + ops.var(y, axis=(1, 2), keepdims=True)), [IMAGE]
    ),
    "where, leaky": (lambda x: ops.where(x > 0, x, 0.1 * x), [IMAGE]),
    "where, the other way round": (lambda x: ops.where(ops.greater(0.0, x), 0.1 * x, x), [IMAGE]),
    "where at most": (lambda x: ops.where(x <= 0.3, 0.3, x), [IMAGE]),
    "where scaled": (lambda x: ops.where(x >= 0, 2 * x, 0.5 * x - 0.1), [IMAGE]),
    "where of a clipped value": (
        lambda x: ops.where((y := ops.clip(x, -0.5, 0.5)) > 0.2, y - 1, 3 * y), [IMAGE]
    ),
    "where not": (lambda x: ops.where(ops.logical_not(x > 0.1), 0.0, x), [IMAGE]),
    "where between": (
        lambda x: ops.where(ops.logical_and(x > -0.5, x < 0.5), x, -x), [IMAGE]
    ),
    "where outside": (lambda x: ops.where(ops.logical_or(x < -0.5, x > 0.5), x, 0.0), [IMAGE]),
    "mask by comparison": (lambda x: ops.cast(x > 0.2, "float32") * x, [IMAGE]),
    "where, exponential": (lambda x: ops.where(x > 0, x, 0.3 * (ops.exp(x) - 1)), [IMAGE]),
    "where, the smaller": (lambda x: ops.where(x < (y := x * x - 0.1), x, y), [IMAGE]),
    "where, the larger": (lambda x: ops.where(x <= (y := x * x - 0.1), y, x), [IMAGE]),
    "logarithm plus one": (lambda x: ops.log1p(ops.abs(x)), [IMAGE]),
    "stack and interleave": (
        lambda x: ops.reshape(ops.stack([x, L.ReLU()(x)], axis=-1), (-1, 8, 9, 6)), [IMAGE]
    ),
    "stack in front": (
        lambda x: ops.reshape(
            ops.transpose(ops.stack([x, L.ReLU()(x)], axis=1), (0, 2, 3, 4, 1)), (-1, 8, 9, 6)
        ),
        [IMAGE],
    ),
    "stack vectors": (lambda x: L.Conv1D(2, 2)(ops.stack([x, L.Dense(4)(x)], axis=1)), [(4,)]),
    "shuffled and not": (
        lambda x: L.Concatenate()(
            [
                3 * ops.reshape(y := ops.reshape(L.Conv2D(4, 1)(x), (-1, 8, 9, 2, 2)), (-1, *EVEN)),
                ops.reshape(ops.transpose(y, (0, 1, 2, 4, 3)), (-1, *EVEN)),
            ]
        ),
        [IMAGE],
    ),
    "padded channels": (
        lambda x: L.Conv2D(2, 1)(keras.ops.pad(x, ((0, 0), (1, 0), (0, 2), (1, 3)))), [IMAGE]
    ),
    "channel slice": (lambda x: L.Conv2D(2, 1)(x[..., 1:]) + L.Conv2D(2, 1)(x[..., :1]), [IMAGE]),
    "strided slice": (lambda x: x[:, ::2, 1::3], [IMAGE]),
    "split": (
        lambda x: L.Conv2D(2, 1)((p := keras.ops.split(x, 3, axis=-1))[0]) + p[1] * p[2], [IMAGE]
    ),
    "mean over channels": (lambda x: x - keras.ops.mean(x, axis=-1, keepdims=True), [IMAGE]),
    "max over rows": (lambda x: keras.ops.max(x, axis=1), [IMAGE]),
    "max over what is turned around": (
        lambda x: L.GlobalMaxPooling2D()(L.BatchNormalization()(x)), [IMAGE]
    ),
    "sum over what is shifted": (
        lambda x: keras.ops.sum(L.BatchNormalization()(x), axis=(1, 2)), [IMAGE]
    ),
    "sum over everything": (
        lambda x: L.Dense(2)(L.Reshape((1,))(keras.ops.sum(x, axis=(1, 2, 3)))), [IMAGE]
    ),
    "row times column": (
        lambda x: keras.ops.mean(x, 1, keepdims=True) * keras.ops.mean(x, 2, keepdims=True),
        [IMAGE],
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_predicts_what_keras_predicts(name):
    build, shapes = GRAPHS[name]
    check(branches(build, *shapes))


def test_a_shared_layer_becomes_two_layers_with_the_same_weights():
    shared = L.Dense(4, activation="tanh", name="twice")
    model = branches(lambda x: shared(shared(x)), (4,))
    assert check(model) == ["innerProduct", "activation"] * 2


def test_nested_models():
    inner = keras.Sequential([keras.Input(IMAGE), L.Conv2D(4, 3), L.BatchNormalization()], name="a")
    middle = keras.Sequential([keras.Input(IMAGE), inner, L.MaxPooling2D()], name="b")
    assert check(sequential(IMAGE, middle, L.Flatten(), L.Dense(2))) == [
        "convolution", "pooling", "flatten", "innerProduct",
    ]  # fmt: skip


def test_every_zero_bias_is_kept():
    model = keras.Sequential([keras.Input(IMAGE), L.Conv2D(2, 3), L.Flatten(), L.Dense(3)])
    spec, _ = lowered_spec(model)
    convolution, _, product = spec.neuralNetwork.layers
    assert convolution.convolution.hasBias
    assert list(convolution.convolution.bias.floatValue) == [0, 0]
    assert product.innerProduct.hasBias
    assert list(product.innerProduct.bias.floatValue) == [0, 0, 0]


def test_a_layer_without_bias_stays_without():
    spec, _ = lowered_spec(sequential((5,), L.Dense(3, use_bias=False, activation="linear")))
    assert not spec.neuralNetwork.layers[0].innerProduct.hasBias


@pytest.mark.parametrize(
    "choice",
    [
        lambda x: ops.where(x > 0.5, x, 0.0),
        lambda x: ops.where(x >= 0.5, x, 0.0),
        lambda x: ops.where(x < -0.25, 0.0, x),
        lambda x: ops.where(x <= -0.25, 0.0, x),
        lambda x: ops.where(ops.abs(x) > 0.25, x, 0.0),
        lambda x: ops.where(ops.abs(x) >= 0.25, x, 0.0),
        lambda x: ops.where(x > 0, 2 * x + 1, x),
        lambda x: ops.where(ops.equal(x, 0.5), 0.0, x),
    ],
)
def test_a_choice_is_exact_at_the_number_that_it_compares_with(choice):
    inputs = keras.Input((7,))
    spec, _ = lowered_spec(keras.Model(inputs, choice(inputs)))
    x = np.array([[-0.5, -0.25, -0.0, 0.0, 0.25, 0.5, 0.75]], np.float32)
    found = runtime.predict(spec, {"input0": x})["output"]
    np.testing.assert_allclose(found, np.asarray(choice(x)), atol=1e-6)


REFUSED = {
    "sparsemax": (IMAGE, [L.Activation("sparsemax", name="odd")], "layer 'odd' (Activation)"),
    "lstm": ((6, 3), [L.LSTM(4, name="memory")], "layer 'memory' (LSTM)"),
    "attention": (
        (6, 3), [L.GRU(3, name="gate")], "layer 'gate' (GRU)"
    ),
    "volume": (
        (4, 4, 4, 1), [L.Conv3D(2, 2, name="volume")], "'volume' (Conv3D): works on volumes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_expressed_is_refused_by_name(name):
    shape, layers, message = REFUSED[name]
    with pytest.raises(UnsupportedError) as error:
        check(sequential(shape, *layers))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_oracle_notices_a_wrong_weight(monkeypatch):
    bind = Weighted.bind

    def bind_wrongly(self):
        params, weights = bind(self)
        return params, weights + 0.01

    monkeypatch.setattr(Weighted, "bind", bind_wrongly)
    with pytest.raises(AssertionError):
        check(sequential((5,), L.Dense(3)))


def test_the_oracle_refuses_to_compare_nothing():
    model = keras.Sequential([keras.Input((3,)), L.Dense(2, kernel_initializer="zeros")])
    with pytest.raises(AssertionError, match="nothing is compared"):
        check(model)
