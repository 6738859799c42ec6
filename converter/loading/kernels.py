"""Arrays that earlier versions or other backends stored turned about."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from converter.keras_file.graph import StoredLayer
from converter.keras_file.spelling import Origin

FLIPPED_BY_THEANO = ("Conv1D", "Conv2D", "Conv2DTranspose", "Conv3D")
"""Layers that Theano computes as true convolutions: with the kernel mirrored."""


def to_today(array: npt.NDArray[Any], layer: StoredLayer, origin: Origin) -> npt.NDArray[Any]:
    """Return an array of `layer` in the layout that today's Keras has on TensorFlow.

    Keras 1 stored Conv1D kernels as ``[length, 1, in, out]``, and with channels first 2-D kernels
    as ``[out, in, rows, columns]``.
    Source: ``preprocess_weights_for_loading`` in
    https://github.com/keras-team/keras/blob/2.2.4/keras/engine/saving.py
    """
    spatial = array.ndim - 2
    if origin.major == 1 and array.ndim == 4:
        if layer.kind == "Conv1D":
            array = array[:, 0]
        elif layer.arguments.get("data_format") == "channels_first":
            array = array.transpose(2, 3, 1, 0)
    if origin.backend == "theano" and layer.kind in FLIPPED_BY_THEANO and spatial > 0:
        array = array[(slice(None, None, -1),) * spatial]
    return array


def as_stored(
    array: npt.NDArray[Any], shape: tuple[int, ...], layer: StoredLayer, origin: Origin
) -> npt.NDArray[Any]:
    """Return an array of `layer` in today's layout as the file has it, in `shape`: the way back of
    `to_today`.
    """
    spatial = len(shape) - 2
    if origin.backend == "theano" and layer.kind in FLIPPED_BY_THEANO and spatial > 0:
        array = array[(slice(None, None, -1),) * spatial]
    if origin.major == 1 and layer.kind == "Conv1D" and len(shape) == 4:
        return array[:, None]
    is_turned = layer.arguments.get("data_format") == "channels_first"
    return (
        array.transpose(3, 2, 0, 1) if origin.major == 1 and spatial == 2 and is_turned else array
    )
