"""The stored weights of a layer as arrays, whatever precision they are stored in."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from converter.backend.tensorflow import tensor
from converter.coreml.mlmodel import Floats, Message, floats, layer_params
from converter.errors import ModelFileError
from converter.runtime.backend import Tensor, tf


class StoredWeights:
    """Reads weights from the message when a layer asks for them.

    With `keep` a tensor is made once and kept, for networks that run more than once.
    """

    def __init__(self, keep: bool = False) -> None:
        self._kept: dict[tuple[str, str], Tensor] | None = {} if keep else None

    def __call__(self, layer: Message, field: str, shape: Sequence[int]) -> Tensor:
        """Return the values of one ``WeightParams`` of `layer`, float32 in `shape`."""
        if self._kept is None:
            return tensor(values(layer, field, shape))
        key = layer.name, field
        if key not in self._kept:
            with tf.init_scope():  # outside any graph, which would copy weights as its constants
                self._kept[key] = tensor(values(layer, field, shape))
        return self._kept[key]


def weight_params(layer: Message, field: str) -> Message:
    """Return the ``WeightParams`` at `field`, such as ``"bias"`` or ``"PReLU.alpha"``."""
    return functools.reduce(getattr, field.split("."), layer_params(layer))


def values(layer: Message, field: str, shape: Sequence[int]) -> Floats:
    """Return stored values as float32 in `shape`; one size may be -1.

    Raises:
        ModelFileError: there are not as many values, or they are stored in an unknown form.
    """
    params = weight_params(layer, field)
    if params.int8RawValue:
        raise ModelFileError(
            f"layer '{layer.name}': computes with 8-bit integers at run time, which the reference "
            "runtime does not"
        )
    found = _dequantized(layer, params, shape) if params.rawValue else floats(params)
    if found.size == 0 or (-1 not in shape and found.size != np.prod(shape)):
        raise ModelFileError(
            f"layer '{layer.name}': {field} holds {found.size} values, not those of shape "
            f"{list(shape)}"
        )
    return found.reshape(shape)


def _dequantized(layer: Message, params: Message, shape: Sequence[int]) -> Floats:
    """Return ``table[q]``, or ``scale * q + bias`` with one pair for all or one for each output.

    Outputs lie on the first axis, those of a deconvolution on the second. The format:
    ``QuantizationParams`` in NeuralNetwork.proto.
    """
    how = params.quantization
    integers = _unpacked(params.rawValue, int(how.numberOfBits))
    if -1 not in shape:  # the last byte may be filled up with zero bits
        integers = integers[: int(np.prod(shape))]
    if how.HasField("lookupTableQuantization"):
        return np.asarray(how.lookupTableQuantization.floatValue, np.float32)[integers]
    axis = 1 if layer.convolution.isDeconvolution and len(shape) == 4 else 0
    per_output = [1] * axis + [-1] + [1] * (len(shape) - axis - 1)
    scale = np.asarray(how.linearQuantization.scale, np.float32).reshape(per_output)
    bias = np.asarray(how.linearQuantization.bias or [0.0], np.float32).reshape(per_output)
    found: Floats = integers.reshape(shape).astype(np.float32) * scale + bias
    return found


def _unpacked(raw: bytes, width: int) -> npt.NDArray[np.uint8]:
    """Return integers of `width` bits, packed without gaps, most significant bit first."""
    octets = np.frombuffer(raw, np.uint8)
    if width == 8:
        return octets
    bits = np.unpackbits(octets)
    rows = bits[: len(bits) // width * width].reshape(-1, width)
    places = 1 << np.arange(width)[::-1]
    return (rows @ places).astype(np.uint8)
