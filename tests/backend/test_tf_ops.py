"""What `converter.backend.tf_ops` replaces: functions of TensorFlow that Keras calls.

Each layer is traced as it is, and with the replacement. If the first graph has no longer what
disturbs coremltools, the replacement is needed no more; if the second has it, Keras calls another
function now.
"""

import contextlib

import numpy as np
import pytest

from converter.backend.mil import mil_program
from converter.backend.tensorflow import keras, tf
from converter.backend.tf_ops import plain_operations

L = keras.layers
IMAGE, SIGNAL = (1, 6, 6, 4), (1, 8, 4)


def traced(layer, shape, state):
    """Return the concrete function of `layer`, called within the context `state`."""

    def call(x):
        with state:
            return layer(x)

    return tf.function(call, autograph=False).get_concrete_function(tf.TensorSpec(shape))


def kinds(layer, shape, state):
    return {op.type for op in traced(layer, shape, state).graph.get_operations()}


@pytest.mark.parametrize(
    ("replaced", "layer", "shape", "disturbs", "plain"),
    [
        ("tf.function", L.Conv2D(4, 3, groups=2), IMAGE, "PartitionedCall", "Conv2D"),
        ("tf.nn.convolution", L.Conv2D(4, 3, dilation_rate=2), IMAGE, "SpaceToBatchND", "Conv2D"),
        ("tf.nn.convolution", L.Conv1D(4, 3, dilation_rate=2), SIGNAL, "SpaceToBatchND", "Conv2D"),
        (
            "tf.nn.depthwise_conv2d", L.DepthwiseConv2D(3, dilation_rate=2), IMAGE,
            "SpaceToBatchND", "DepthwiseConv2dNative",
        ),
        (
            "tf.nn.separable_conv2d", L.SeparableConv2D(4, 3, dilation_rate=2), IMAGE,
            "SpaceToBatchND", "DepthwiseConv2dNative",
        ),
        (
            "tf.image.resize", L.Resizing(9, 5, interpolation="nearest"), IMAGE,
            "ResizeNearestNeighbor", "BatchMatMulV2",
        ),
        (
            "tf.image.resize", L.UpSampling2D(3, interpolation="bilinear"), IMAGE,
            "ResizeBilinear", "BatchMatMulV2",
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)  # fmt: skip
def test_keras_still_calls_what_is_replaced(replaced, layer, shape, disturbs, plain):
    layer.build(shape)
    before = kinds(layer, shape, contextlib.nullcontext())
    assert any(disturbs in kind for kind in before), (
        f"{type(layer).__name__} no longer becomes {disturbs}: is the replacement of {replaced} in "
        "converter.backend.tf_ops.plain_operations still needed?"
    )
    after = kinds(layer, shape, plain_operations())
    assert plain in after, (
        f"Keras's {type(layer).__name__} no longer calls {replaced} as before, which "
        "converter.backend.tf_ops.plain_operations replaces"
    )
    assert not any(disturbs in kind for kind in after)


def test_everything_is_as_before_afterwards():
    def replaced():
        return (tf.function, tf.nn.convolution, tf.nn.depthwise_conv2d, tf.nn.separable_conv2d,
                tf.image.resize)  # fmt: skip

    before = replaced()
    with plain_operations():
        assert not set(before) & set(replaced())
    assert replaced() == before


@pytest.mark.parametrize("function", [tf.math.erfc, tf.math.expm1])
def test_operations_that_coremltools_is_taught(function):
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec((3,)))
    main = mil_program(concrete).functions["main"]
    taught = "register_tf_op changed: converter.backend.tf_ops teaches coremltools with it"
    assert {op.op_type for op in main.operations} >= {"sub"}, taught


def test_the_matrices_of_a_resizing_are_exact():
    layer = L.Resizing(9, 5, interpolation="nearest")
    x = np.random.default_rng(0).standard_normal(IMAGE).astype(np.float32)
    expected = layer(x)
    found = traced(layer, IMAGE, plain_operations())(tf.constant(x))
    np.testing.assert_allclose(found, expected, atol=1e-6)
