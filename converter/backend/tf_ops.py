"""TensorFlow operations in a form that coremltools can read.

Keras reaches some operations through TensorFlow functions that spell them out: convolutions with
dilation as convolutions of a rearranged batch, convolutions with groups as a compiled function.
While a model is traced these functions are replaced by the single operations that they mean. And
coremltools is taught the operations that it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from converter.backend.coremltools import mb, register_tf_op
from converter.backend.tensorflow import tf


@contextmanager
def plain_operations() -> Iterator[None]:
    """Replace TensorFlow's composing functions while a model is traced."""
    with (
        patch.object(tf, "function", _not_compiled),
        patch.object(tf.nn, "convolution", _convolution(tf.nn.convolution)),
        patch.object(tf.nn, "depthwise_conv2d", _depthwise_conv2d),
        patch.object(tf.nn, "separable_conv2d", _separable_conv2d),
        patch.object(tf.image, "resize", _resize(tf.image.resize)),
    ):
        yield


def _not_compiled(function: Any = None, **_: Any) -> Any:
    """Be ``tf.function`` without effect: a compiled function would arrive as PartitionedCall."""
    return (lambda inner: inner) if function is None else function


def _convolution(original: Callable[..., Any]) -> Callable[..., Any]:
    def convolution(
        x: Any, kernel: Any, strides: Any, padding: str, data_format: str, dilations: Any
    ) -> Any:
        """Convolve images, or signals as images of height one, by one ``Conv2D`` operation."""
        if data_format in ("NHWC", "NCHW"):
            return tf.nn.conv2d(x, kernel, strides, padding, data_format, dilations)
        if data_format != "NWC":
            return original(x, kernel, strides, padding, data_format, dilations)
        image, filters = tf.expand_dims(x, 1), tf.expand_dims(kernel, 0)
        steps, rate = ([1, _number(n)] for n in (strides, dilations))
        return tf.squeeze(tf.nn.conv2d(image, filters, steps, padding, dilations=rate), [1])

    return convolution


def _number(value: Any) -> int:
    return int(value[0]) if isinstance(value, Sequence) else int(value or 1)


def _depthwise_conv2d(
    x: Any, kernel: Any, strides: Any, padding: str, data_format: str, dilations: Any
) -> Any:
    rate = [1, *(dilations or (1, 1)), 1]
    return tf.raw_ops.DepthwiseConv2dNative(
        input=x, filter=kernel, strides=strides, padding=padding, data_format=data_format,
        dilations=rate,
    )  # fmt: skip


def _separable_conv2d(
    x: Any, depthwise: Any, pointwise: Any, strides: Any, padding: str, data_format: str,
    dilations: Any,
) -> Any:  # fmt: skip
    between = _depthwise_conv2d(x, depthwise, strides, padding, data_format, dilations)
    return tf.nn.conv2d(between, pointwise, 1, "VALID", data_format=data_format)


def _resize(original: Callable[..., Any]) -> Callable[..., Any]:
    """Resize by two matrix products, exactly as TensorFlow does with any method.

    coremltools has no half-pixel nearest neighbour and takes it for bilinear interpolation.
    """

    def matrix(old: int, new: int, options: dict[str, Any]) -> Any:
        with tf.init_scope():  # a constant, although a graph is being traced
            lines = original(tf.eye(old)[None, :, :, None], (new, old), **options)
            return tf.transpose(lines[0, :, :, 0]).numpy()

    def resize(images: Any, size: Any, method: Any = "bilinear", **options: Any) -> Any:
        height, width = (int(n) for n in size)
        given = {"method": method, **options}
        _, rows, columns, _ = images.shape
        x = tf.transpose(tf.cast(images, tf.float32), (0, 1, 3, 2))
        if width != columns:
            x = tf.matmul(x, matrix(columns, width, given))
        x = tf.transpose(x, (0, 3, 2, 1))
        if height != rows:
            x = tf.matmul(x, matrix(rows, height, given))
        return tf.transpose(x, (0, 3, 1, 2))

    return resize


def _define_missing_operations() -> None:
    def Erfc(context: Any, node: Any) -> None:  # noqa: N802 (the TensorFlow operation's name)
        x = context[node.inputs[0]]
        context.add(node.name, mb.sub(x=1.0, y=mb.erf(x=x), name=node.name))

    def Expm1(context: Any, node: Any) -> None:  # noqa: N802
        x = context[node.inputs[0]]
        context.add(node.name, mb.sub(x=mb.exp(x=x), y=1.0, name=node.name))

    def Roll(context: Any, node: Any) -> None:  # noqa: N802
        x, shifts, axes = (context[name] for name in node.inputs)
        pairs = zip(np.atleast_1d(shifts.val), np.atleast_1d(axes.val), strict=True)
        for shift, axis in pairs:
            order = np.roll(np.arange(x.shape[axis]), shift).astype(np.int32)
            x = mb.gather(x=x, indices=order, axis=int(axis))
        context.add(node.name, mb.identity(x=x, name=node.name))

    for define in (Erfc, Expm1, Roll):
        register_tf_op(define, override=True)


_define_missing_operations()
