"""Convolutions with the channels first, on every processor."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from converter.backend.tensorflow import tf


@contextmanager
def any_layout() -> Iterator[None]:
    """Let live Keras models convolve arrays ``[N, C, ...]``: as ``[N, ..., C]``, and back.

    TensorFlow has kernels for channels first only where it switches oneDNN on, which depends on
    the processor. For pooling, depthwise and separable convolutions Keras does the same itself
    (``_transpose_spatial_inputs`` in ``keras/src/backend/tensorflow/nn.py``).
    """
    with (
        patch.object(tf.nn, "convolution", _with_channels_last(tf.nn.convolution)),
        patch.object(tf.nn, "conv_transpose", _with_channels_last(tf.nn.conv_transpose)),
    ):
        yield


def _with_channels_last(original: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)

    def convolution(*arguments: Any, **options: Any) -> Any:
        bound = signature.bind(*arguments, **options)
        given = bound.arguments
        layout = given.get("data_format") or ""
        if not layout.startswith("NC"):
            return original(*arguments, **options)
        spatial = range(2, len(layout))
        given["input"] = tf.transpose(given["input"], (0, *spatial, 1))
        given["data_format"] = f"N{layout[2:]}C"
        if "output_shape" in given:  # of a transposed convolution
            batch, channels, *sizes = given["output_shape"]
            given["output_shape"] = [batch, *sizes, channels]
        found = original(*bound.args, **bound.kwargs)
        return tf.transpose(found, (0, len(layout) - 1, *range(1, len(layout) - 1)))

    return convolution
