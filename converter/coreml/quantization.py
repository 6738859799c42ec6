"""Weights in fewer bits than float32: half precision and integers with scales, both ways.

How they are stored says the format: ``WeightParams`` and ``QuantizationParams`` in
NeuralNetwork.proto of https://github.com/apple/coremltools (mlmodel/format).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from converter.coreml.encoding import Precision, prefix
from converter.coreml.mlmodel import Floats, Message, floats
from converter.coreml.wire import Encoded
from converter.errors import ModelFileError, UnsupportedError

Values = TypeVar("Values", bound=npt.NDArray[Any])

_HALF, _RAW = 2, 30
"""Numbers of the fields ``float16Value`` and ``rawValue`` of ``WeightParams``."""

_ZERO = 128
"""The 8-bit integer that stands for 0: integers are unsigned, so weights lie around the middle."""

_LARGEST_HALF = float(np.finfo(np.float16).max)


def encoded(
    array: npt.NDArray[Any], params: Message, precision: Precision, axis: int | None, where: str
) -> Encoded:
    """Return `array` to be written into ``WeightParams`` in `precision`; see `int8`.

    Raises:
        UnsupportedError: it cannot be.
    """
    if precision == "float32":
        return Encoded(array)
    return int8(array, params, axis, where) if precision == "int8" else half(array, where)


def store(params: Message, values: Encoded) -> None:
    """Put `values` into ``WeightParams``."""
    params.ClearField("floatValue")
    octets = values.encode(values.array, 0).tobytes()
    params.MergeFromString(prefix(values.field, len(octets)) + octets)


def half(array: npt.NDArray[Any], where: str) -> Encoded:
    """Return `array` to be written in half precision; `where` names it in messages.

    Raises:
        UnsupportedError: a value is larger than half precision holds, 65504.
    """
    if array.size and not max(array.max(), -array.min()) <= _LARGEST_HALF:
        raise UnsupportedError(
            f"{where}: holds values beyond those of float16, ±65504; use --frozen-weights float32"
        )
    return Encoded(array, _HALF, lambda rows, start: rows.astype("<f2"), 2)


def int8(array: npt.NDArray[Any], params: Message, axis: int | None, where: str) -> Encoded:
    """Return `array` to be written as 8-bit integers; put how to read them into `params`.

    An integer q stands for ``scale * q + bias``. The bias is -128 scales, so that 0 stays 0 and the
    range is symmetric, -127 … 127 scales; there is a scale for each output channel, which lie on
    `axis`, or one for all if that is None. A channel of zeros gets the scale 1.

    Raises:
        UnsupportedError: all values are 0, so that there is no scale; `where` names the layer.
    """
    others = tuple(i for i in range(array.ndim) if i != axis)
    largest = np.maximum(array.max(others, keepdims=True), -array.min(others, keepdims=True))
    scale = (largest / np.float32(_ZERO - 1)).astype(np.float32)
    if not scale.any():
        raise UnsupportedError(
            f"{where}: all its weights are zero, so that there is no scale for them in int8; was "
            "it trained? leave it out of the model, or use --frozen-weights float16"
        )
    scale[scale == 0] = 1
    params.quantization.numberOfBits = 8
    linear = params.quantization.linearQuantization
    linear.scale.extend(scale.ravel().tolist())
    linear.bias.extend((scale.ravel() * np.float32(-_ZERO)).tolist())

    def encode(rows: npt.NDArray[Any], start: int) -> npt.NDArray[Any]:
        own = scale[start : start + len(rows)] if axis == 0 else scale
        return np.asarray((np.rint(rows / own) + _ZERO).astype(np.uint8))

    return Encoded(array, _RAW, encode, 1)


def stored_values(params: Message, shape: Sequence[int], axis: int, where: str) -> Floats:
    """Return the values of ``WeightParams`` as float32 in `shape`, however they are stored.

    `shape` may leave one size open by -1; output channels lie on `axis`. Quantized values are
    ``table[q]``, or ``scale * q + bias`` with one pair for all or one for each output channel.

    Raises:
        ModelFileError: there are not as many values, or what is needed to read them does not fit;
            `where` names them. Integers that a layer computes with at run time are refused, too.
    """
    if params.int8RawValue:
        raise ModelFileError(
            f"{where}: is computed with 8-bit integers at run time, which the reference runtime "
            "does not"
        )
    if params.rawValue:
        integers = _shaped(_integers(params, shape, where), shape, where)
        return _dequantized(params.quantization, integers, axis, where)
    return _shaped(floats(params), shape, where)


def _shaped(values: Values, shape: Sequence[int], where: str) -> Values:
    known = math.prod(size for size in shape if size != -1)
    count = values.size if -1 in shape else known
    if not values.size or values.size != count or not known or count % known:
        raise ModelFileError(
            f"{where}: holds {values.size} values, not those of shape {list(shape)}"
        )
    return cast(Values, values.reshape(shape))


def _integers(params: Message, shape: Sequence[int], where: str) -> npt.NDArray[np.uint8]:
    """Return the integers, packed without gaps, the most significant bit first, ``[n]``."""
    bits = int(params.quantization.numberOfBits)
    if not 1 <= bits <= 8:
        raise ModelFileError(f"{where}: is quantized to {bits} bits; 1 to 8 are possible")
    octets = np.frombuffer(params.rawValue, np.uint8)
    if bits < 8:
        single = np.unpackbits(octets)
        rows = single[: len(single) // bits * bits].reshape(-1, bits)
        places = 1 << np.arange(bits)[::-1]
        octets = (rows @ places).astype(np.uint8)
    return octets if -1 in shape else octets[: math.prod(shape)]  # the last byte is filled up


def _dequantized(how: Message, integers: npt.NDArray[np.uint8], axis: int, where: str) -> Floats:
    kind = how.WhichOneof("QuantizationType")
    if kind == "lookupTableQuantization":
        table = np.asarray(how.lookupTableQuantization.floatValue, np.float32)
        if len(table) <= integers.max():
            raise ModelFileError(f"{where}: has a lookup table of {len(table)} values only")
        return np.asarray(table[integers])
    if kind != "linearQuantization":
        raise ModelFileError(f"{where}: does not say how it is quantized")
    pair = []
    for name, none in (("scale", None), ("bias", (0.0,))):
        numbers = np.asarray(getattr(how.linearQuantization, name) or none or (), np.float32)
        if len(numbers) not in (1, integers.shape[axis]):
            raise ModelFileError(
                f"{where}: has {len(numbers)} values as its quantization {name}; 1 or "
                f"{integers.shape[axis]} are possible"
            )
        pair.append(numbers.reshape([-1 if i == axis else 1 for i in range(integers.ndim)]))
    scale, bias = pair
    found: Floats = integers.astype(np.float32)
    found *= scale
    found += bias
    return found
