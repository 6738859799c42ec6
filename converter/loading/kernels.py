"""Arrays that earlier versions or other backends stored turned about."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from converter.keras_file.graph import StoredLayer
from converter.keras_file.spelling import Origin

FLIPPED_BY_THEANO = ("Conv1D", "Conv2D", "Conv2DTranspose", "Conv3D")
"""Layers that Theano computes as true convolutions: with the kernel mirrored."""


def to_today(array: npt.NDArray[Any], layer: StoredLayer, origin: Origin) -> npt.NDArray[Any]:
    """Return an array of `layer` in the layout that today's Keras has on TensorFlow.

    Keras 1 stored Conv1D kernels as ``[length, 1, in, out]``, until version 1.1 as ``[out, in,
    length, 1]``, and with channels first 2-D kernels as ``[out, in, rows, columns]``.
    Source: ``preprocess_weights_for_loading`` in
    https://github.com/keras-team/keras/blob/2.2.4/keras/engine/saving.py
    """
    if origin.major == 1 and array.ndim == 4:
        if _has_outputs_first(layer, array.shape):
            array = array.transpose(2, 3, 1, 0)
        if layer.kind == "Conv1D":
            array = array[:, 0]
    return _mirrored(array, layer, origin)


def as_stored(
    array: npt.NDArray[Any], shape: tuple[int, ...], layer: StoredLayer, origin: Origin
) -> npt.NDArray[Any]:
    """Return an array of `layer` in today's layout as the file has it, in `shape`: the way back of
    `to_today`.
    """
    array = _mirrored(array, layer, origin)
    if origin.major == 1 and len(shape) == 4:
        if layer.kind == "Conv1D":
            array = array[:, None]
        if _has_outputs_first(layer, shape):
            array = array.transpose(3, 2, 0, 1)
    return array


def _has_outputs_first(layer: StoredLayer, shape: tuple[int, ...]) -> bool:
    """Tell whether a kernel of Keras 1, of `shape` in the file, begins with the outputs."""
    if layer.kind != "Conv1D":
        return layer.arguments.get("data_format") == "channels_first"
    length = int(np.ravel(layer.arguments.get("kernel_size", shape[0]))[0])
    return shape[:2] != (length, 1) or shape[3] != layer.arguments.get("filters", shape[3])


def _mirrored(array: npt.NDArray[Any], layer: StoredLayer, origin: Origin) -> npt.NDArray[Any]:
    """Return a kernel of today's layout mirrored along its spatial axes if Theano needs that."""
    spatial = array.ndim - 2
    if origin.backend == "theano" and layer.kind in FLIPPED_BY_THEANO and spatial > 0:
        array = array[(slice(None, None, -1),) * spatial]
    return array
