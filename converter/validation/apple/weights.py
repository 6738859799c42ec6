"""Weights as Apple's validator reads them: which field is filled, and how many values it holds."""

from __future__ import annotations

from collections.abc import Iterable

from converter.coreml.mlmodel import Message

FLOAT32, FLOAT16, QUANTIZED, INT8, MIXED, EMPTY = (
    "float32", "float16", "quantized", "int8", "more than one type of", "no",
)  # fmt: skip


def u64(value: int) -> int:
    """Return `value` as C++ keeps it in an unsigned 64 bit integer."""
    return value & 0xFFFF_FFFF_FFFF_FFFF


def i32(value: int) -> int:
    """Return `value` as C++ keeps it in a signed 32 bit integer."""
    return (value + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000


def quotient(dividend: int, divisor: int) -> int:
    """Return the quotient rounded towards 0, as C++ divides."""
    result = abs(dividend) // abs(divisor)
    return result if (dividend < 0) == (divisor < 0) else -result


def product(factors: Iterable[int]) -> int:
    """Return the product of `factors` in 64 bit arithmetic."""
    result = 1
    for factor in factors:
        result = u64(result * factor)
    return result


def filled_fields(weights: Message) -> int:
    """Return how many of the alternative fields of ``WeightParams`` hold values."""
    return sum(
        len(values) > 0
        for values in (
            weights.floatValue,
            weights.float16Value,
            weights.rawValue,
            weights.int8RawValue,
        )
    )


def type_of(weights: Message) -> str:
    """Return the type of the values: one of the constants of this module."""
    filled = filled_fields(weights)
    if filled > 1:
        return MIXED
    if weights.floatValue:
        return FLOAT32
    if weights.float16Value:
        return FLOAT16
    if weights.rawValue and weights.HasField("quantization"):
        return QUANTIZED
    if weights.int8RawValue and weights.HasField("quantization"):
        return INT8
    return EMPTY


def count_of(weights: Message) -> int:
    """Return the number of float32 or float16 values, 0 for other types."""
    kind = type_of(weights)
    if kind == FLOAT32:
        return len(weights.floatValue)
    return len(weights.float16Value) // 2 if kind == FLOAT16 else 0


def mixes_precisions(*all_weights: Message) -> bool:
    """Return whether some of the weights are float32 and some float16."""
    types = {type_of(weights) for weights in all_weights}
    return FLOAT32 in types and FLOAT16 in types


def complaint(weights: Message, expected: int, channels: int) -> str | None:
    """Return what is wrong with `weights` that should hold `expected` values, or None.

    Quantized values need enough bytes, 1 to 8 bits, and one scale in all or one for each of the
    `channels`; a lookup table needs 2^bits entries.
    """
    kind = type_of(weights)
    if kind in (FLOAT32, FLOAT16):
        count = count_of(weights)
        return None if count == expected else f"has {count} values instead of {expected}"
    if kind == QUANTIZED:
        return _quantization_complaint(weights, expected, channels)
    return f"holds {kind} values"


def _quantization_complaint(weights: Message, expected: int, channels: int) -> str | None:
    quantization = weights.quantization
    bits = quantization.numberOfBits
    needed = u64(u64(bits * expected) + 7) // 8
    if len(weights.rawValue) < needed:
        return f"has {len(weights.rawValue)} bytes for {expected} values of {bits} bits"
    if not 1 <= bits <= 8:
        return f"is quantized to {bits} bits; 1 to 8 are possible"
    method = quantization.WhichOneof("QuantizationType")
    if method == "linearQuantization":
        scales = len(quantization.linearQuantization.scale)
        biases = len(quantization.linearQuantization.bias)
        if scales not in (1, i32(channels)):
            return f"has {scales} quantization scales; 1 or {channels} are possible"
        return None if biases in (0, scales) else f"has {biases} quantization biases for {scales}"
    if method == "lookupTableQuantization":
        entries = len(quantization.lookupTableQuantization.floatValue)
        return None if entries == 2**bits else f"has a lookup table of {entries} for {bits} bits"
    return "does not say how it is quantized"
