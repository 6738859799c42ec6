"""Arithmetic between values, and between a value and a constant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converter.lower.blob import Blob
from converter.lower.net import Net
from converter.trace.program import Array, Op, Ref

MINUS = np.full((1, 1, 1), -1, np.float32)
"""The scale that negates a blob."""


def add(op: Op, net: Net) -> Blob:
    """Add, biases, Rescaling: x + y. A constant is folded into a neighbouring layer."""
    value, constant = _split(op, net)
    if constant is None:
        return _elementwise(op, net, "ADD")
    blob = _over(op, net, value)
    return net.affine(op, blob, None, _spread(op, net, blob, constant))


def sub(op: Op, net: Net) -> Blob:
    """Subtract, Normalization: x - y, as an addition of the negated value."""
    x, y = op.inputs["x"], op.inputs["y"]
    if not net.values.is_constant(y):
        assert isinstance(y, Ref)
        if net.values.is_constant(x):
            minus = net.affine(op, _over(op, net, y), MINUS, None)
            return net.affine(op, minus, None, _spread(op, net, minus, net.values.array(x)))
        minus = net.affine(op, net.pending(y), MINUS, None)
        return _combined(op, net, "ADD", [net.plain(op, op.ref("x")), net.settled(op, minus)])
    blob = _over(op, net, op.ref("x"))
    return net.affine(op, blob, None, _spread(op, net, blob, -net.values.array(y)))


def mul(op: Op, net: Net) -> Blob:
    """Multiply, Rescaling, batch norm: x * y. A constant is folded into a neighbouring layer."""
    value, constant = _split(op, net)
    if constant is None:
        return _elementwise(op, net, "MULTIPLY")
    blob = _over(op, net, value)
    return net.affine(op, blob, _spread(op, net, blob, constant), None)


def real_div(op: Op, net: Net) -> Blob:
    """Divide: x / y, as a multiplication by the inverse."""
    x, y = op.inputs["x"], op.inputs["y"]
    if net.values.is_constant(y):
        blob = _over(op, net, op.ref("x"))
        return net.affine(op, blob, _spread(op, net, blob, 1 / net.values.array(y)), None)
    assert isinstance(y, Ref)
    inverse = power(op, net, y, -1.0)
    if net.values.is_constant(x):
        return net.affine(op, inverse, _spread(op, net, inverse, net.values.array(x)), None)
    return _combined(op, net, "MULTIPLY", [net.plain(op, op.ref("x")), inverse])


def maximum(op: Op, net: Net) -> Blob:
    """Maximum of values, or with a number (clipping)."""
    value, constant = _split(op, net)
    if constant is None:
        return _elementwise(op, net, "MAX")
    if constant.size != 1:
        return _against_constant(op, net, "MAX", value, constant)
    return unary(op, net, value, "threshold", alpha=float(constant.reshape(())))


def minimum(op: Op, net: Net) -> Blob:
    """Minimum of values, or with a number (clipping): -max(-x, -number)."""
    value, constant = _split(op, net)
    if constant is None:
        return _elementwise(op, net, "MIN")
    if constant.size != 1:
        return _against_constant(op, net, "MIN", value, constant)
    return _at_most(op, net, net.pending(value), float(constant.reshape(())))


def relu6(op: Op, net: Net) -> Blob:
    """ReLU6: min(max(x, 0), 6), by two ``unary`` thresholds."""
    return unary_of(
        op, net, _at_most(op, net, net.pending(op.ref("x")), 6.0), "threshold", alpha=0.0
    )


def pow(op: Op, net: Net) -> Blob:  # noqa: A001 (the MIL op's name)
    """Power: x to a number."""
    exponent = net.values.array(op.inputs["y"]) if net.values.is_constant(op.inputs["y"]) else None
    if exponent is None or exponent.size != 1 or net.values.is_constant(op.inputs["x"]):
        net.refuse(op, "raises to a computed power, for which Core ML has no classic layer")
    return power(op, net, op.ref("x"), float(exponent.reshape(())))


def square(op: Op, net: Net) -> Blob:
    """Square: x times x."""
    blob = net.plain(op, op.ref("x"))
    return _combined(op, net, "MULTIPLY", [blob, blob])


def sqrt(op: Op, net: Net) -> Blob:
    """Square root."""
    return unary(op, net, op.ref("x"), "sqrt")


def rsqrt(op: Op, net: Net) -> Blob:
    """One over the square root of x. An epsilon is coremltools' own: TensorFlow has none."""
    return unary(op, net, op.ref("x"), "rsqrt")


def inverse(op: Op, net: Net) -> Blob:
    """One over x. An epsilon, of 1e-4, is coremltools' own: TensorFlow has none."""
    return unary(op, net, op.ref("x"), "inverse")


def exp(op: Op, net: Net) -> Blob:
    """The exponential function."""
    return unary(op, net, op.ref("x"), "exp")


def log(op: Op, net: Net) -> Blob:
    """The natural logarithm of x + epsilon."""
    shift = op.const("epsilon", 0.0)
    return unary(op, net, op.ref("x"), "log", shift=shift if shift > SMALLEST else 0.0)


def abs(op: Op, net: Net) -> Blob:  # noqa: A001 (the MIL op's name)
    """The absolute value."""
    return unary(op, net, op.ref("x"), "abs")


def power(op: Op, net: Net, value: Ref, exponent: float) -> Blob:
    """Return `value` to the power of `exponent`; squares and inverses are exact for any sign."""
    if exponent == 2:
        blob = net.plain(op, value)
        return _combined(op, net, "MULTIPLY", [blob, blob])
    if exponent == -1:
        return unary(op, net, value, "inverse")
    return unary(op, net, value, "power", alpha=exponent)


SMALLEST = 1e-37
"""An epsilon that changes nothing; Core ML takes 0 for its default of 1e-6."""


def unary(op: Op, net: Net, value: Ref, mode: str, **parameters: float) -> Blob:
    """Add a ``unary`` layer on `value`; a waiting scale and shift goes into it."""
    return unary_of(op, net, net.pending(value), mode, **parameters)


def unary_of(op: Op, net: Net, blob: Blob, mode: str, **parameters: float) -> Blob:
    """Add a ``unary`` layer on `blob`; a waiting scale and shift goes into it."""
    uniform = blob.affine.uniform() if blob.affine and not blob.border else None
    if uniform and uniform[0] != 0:
        scale, shift = uniform
        blob = replace(blob, affine=None)
    else:
        scale, shift, blob = 1.0, 0.0, net.settled(op, blob)
    shift += parameters.pop("shift", 0.0)
    parameters["epsilon"] = parameters.get("epsilon") or SMALLEST
    return net.made(
        op, mode, blob, net.builder.add_unary, mode=mode, shift=shift, scale=scale, **parameters
    )


def _at_most(op: Op, net: Net, blob: Blob, limit: float) -> Blob:
    """Return min(blob, limit) as -max(-x, -limit); the outer sign waits for the next layer."""
    # Marked shared, so that the sign goes into the threshold and not into a layer's weights.
    negated = net.affine(op, replace(blob, shared=True), MINUS, None)
    return net.affine(op, unary_of(op, net, negated, "threshold", alpha=-limit), MINUS, None)


# -- two values -----------------------------------------------------------------------------------


def _split(op: Op, net: Net) -> tuple[Ref, Array | None]:
    """Return the value and the constant of ``x op y``, the constant None if both are values."""
    x, y = op.inputs["x"], op.inputs["y"]
    if net.values.is_constant(y):
        return op.ref("x"), net.values.array(y)
    if net.values.is_constant(x):
        return op.ref("y"), net.values.array(x)
    return op.ref("x"), None


def _over(op: Op, net: Net, value: Ref) -> Blob:
    """Return the pending blob of `value` in the shape of the result, so that constants fit it."""
    blob, shape = net.pending(value, in_any_order=True), op.output.shape
    blob = replace(blob, axes="1" * (len(shape) - len(blob.axes)) + blob.axes)
    if blob.shape == shape:
        return blob
    blob = net.reordered(blob)
    free = [letter for letter in "CWH" if blob.extent(letter) == 1]
    axes, sizes = list(blob.axes), dict(zip("CHW", blob.chw, strict=True))
    for axis in reversed(range(len(shape))):
        if blob.shape[axis] != shape[axis]:
            if not free:
                net.refuse(op, f"broadcasts {value.shape} to {shape}, which blobs cannot express")
            letter = axes[axis] if axes[axis] in free else free[0]
            free.remove(letter)
            axes[axis], sizes[letter] = letter, shape[axis]
    letters = "".join("1" if a in axes[i + 1 :] and a != "N" else a for i, a in enumerate(axes))
    blob = net.settled(op, net.with_axes(op, blob, letters))
    if sizes["C"] != blob.channels:
        blob = net.widened(op, blob, sizes["C"])
    return net.stretched(op, blob, sizes["H"], sizes["W"])


def _spread(op: Op, net: Net, blob: Blob, constant: Array) -> Array:
    spread = blob.spread(np.asarray(constant, np.float32))
    if spread is None:
        net.refuse(
            op, f"broadcasts its value {blob.shape} against a constant {constant.shape}, "
            "which blobs cannot express",
        )  # fmt: skip
    return spread


def _against_constant(op: Op, net: Net, mode: str, value: Ref, constant: Array) -> Blob:
    blob = net.settled(op, _over(op, net, value))
    spread = np.broadcast_to(_spread(op, net, blob, constant), blob.chw)
    return _combined(op, net, mode, [blob, replace(net.constant(op, spread), axes=blob.axes)])


def _elementwise(op: Op, net: Net, mode: str) -> Blob:
    return _combined(op, net, mode, [net.plain(op, op.ref("x")), net.plain(op, op.ref("y"))])


def _combined(op: Op, net: Net, mode: str, blobs: list[Blob]) -> Blob:
    """Add an elementwise layer over two blobs that broadcast as MIL values do."""
    rank = len(op.output.shape)
    large, small = (replace(b, axes="1" * (rank - len(b.axes)) + b.axes) for b in blobs)
    if large.channels < small.channels or (
        large.channels == small.channels and np.prod(large.chw) < np.prod(small.chw)
    ):
        large, small = small, large
    axes = _common_axes(op, net, large, small)
    large, small = (net.with_axes(op, blob, axes) for blob in (large, small))
    height, width = (max(large.chw[i], small.chw[i]) for i in (1, 2))
    # Core ML takes the shape of the first operand for the result, and broadcasts a second one
    # of [1,1,1], [C,1,1] or [1,H,W].
    large = net.stretched(op, large, height, width)
    if small.chw[1:] != (1, 1):
        small = net.stretched(op, small, height, width)
    return net.elementwise(op, mode, [large, small])


def _common_axes(op: Op, net: Net, large: Blob, small: Blob) -> str:
    """Return letters for the axes of both: those of `large`, and of `small` where `large` is 1."""
    used = {a for a in large.axes if large.extent(a) > 1}
    axes = ""
    for a, b in zip(large.axes, small.axes, strict=True):
        if large.extent(a) > 1 or small.extent(b) == 1:
            letter = a if large.extent(a) > 1 else "1"
        else:
            free = [letter for letter in (b, *"CHW") if letter not in used]
            if not free:
                net.refuse(op, "combines values whose axes do not fit one [C, H, W] blob")
            letter = free[0]
            used.add(letter)
        axes += letter
    return axes
