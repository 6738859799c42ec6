"""The stored weights of a layer as arrays, whatever precision they are stored in."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from converter.backend.tensorflow import tensor
from converter.coreml.mlmodel import Floats, Message, layer_params
from converter.coreml.quantization import stored_values
from converter.runtime.backend import Tensor, tf
from converter.runtime.network import Layer


class StoredWeights:
    """Reads weights from the message when a layer asks for them.

    With `keep` a tensor is made once and kept, for networks that run more than once.
    """

    def __init__(self, keep: bool = False) -> None:
        self._kept: dict[tuple[int, str, str], Tensor] | None = {} if keep else None

    def __call__(self, layer: Layer, field: str, shape: Sequence[int]) -> Tensor:
        """Return the values of one ``WeightParams`` of `layer`, float32 in `shape`."""
        if self._kept is None:
            return tensor(values(layer, field, shape))
        key = layer.network, layer.name, field
        if key not in self._kept:
            with tf.init_scope():  # outside any graph, which would copy weights as its constants
                self._kept[key] = tensor(values(layer, field, shape))
        return self._kept[key]


def weight_params(layer: Layer, field: str) -> Message:
    """Return the ``WeightParams`` at `field`, such as ``"bias"`` or ``"PReLU.alpha"``."""
    return functools.reduce(getattr, field.split("."), layer_params(layer.message))


def values(layer: Layer, field: str, shape: Sequence[int]) -> Floats:
    """Return stored values as float32 in `shape`; one size may be -1.

    Outputs lie on the first axis, those of a deconvolution on the second.

    Raises:
        ModelFileError: there are not as many values, or they are stored in an unknown form.
    """
    is_second = layer.kind == "convolution" and layer.message.convolution.isDeconvolution
    axis = 1 if is_second and len(shape) == 4 else 0
    return stored_values(weight_params(layer, field), shape, axis, f"{layer}: {field}")
