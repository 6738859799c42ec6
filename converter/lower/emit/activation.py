"""Activations: one ``activation`` layer each, and softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.lower.blob import Blob
from converter.lower.net import Net
from converter.trace.program import Op


def relu(op: Op, net: Net) -> Blob:
    """ReLU: max(x, 0)."""
    return _activation(op, net, "RELU")


def leaky_relu(op: Op, net: Net) -> Blob:
    """LeakyReLU, ReLU with a negative slope: x if x >= 0 else alpha x."""
    return _activation(op, net, "LEAKYRELU", [op.const("alpha")])


def prelu(op: Op, net: Net) -> Blob:
    """PReLU with one slope per channel (``shared_axes=[1, 2]``): x if x >= 0 else alpha x."""
    blob = net.plain(op, op.ref("x"))
    slopes = blob.spread(net.values.array(op.inputs["alpha"]))
    if slopes is None or slopes.shape[1:] != (1, 1):
        net.refuse(op, "has slopes that are not one per channel; use shared_axes=[1, 2]")
    return _add(op, net, blob, "PRELU", slopes.ravel())


def elu(op: Op, net: Net) -> Blob:
    """ELU, and SELU with a scale: x if x >= 0 else alpha (exp(x) - 1)."""
    return _activation(op, net, "ELU", op.const("alpha"))


def sigmoid(op: Op, net: Net) -> Blob:
    """Sigmoid; swish (SiLU) is x times this."""
    return _activation(op, net, "SIGMOID")


def sigmoid_hard(op: Op, net: Net) -> Blob:
    """Hard sigmoid: min(max(alpha x + beta, 0), 1)."""
    return _activation(op, net, "SIGMOID_HARD", [op.const("alpha"), op.const("beta")])


def tanh(op: Op, net: Net) -> Blob:
    """Hyperbolic tangent."""
    return _activation(op, net, "TANH")


def softplus(op: Op, net: Net) -> Blob:
    """Softplus: log(1 + exp(x))."""
    return _activation(op, net, "SOFTPLUS")


def softsign(op: Op, net: Net) -> Blob:
    """Softsign: x / (1 + |x|)."""
    return _activation(op, net, "SOFTSIGN")


def thresholded_relu(op: Op, net: Net) -> Blob:
    """ReLU with a threshold: x if x > alpha else 0."""
    return _activation(op, net, "THRESHOLDEDRELU", _after(op.const("alpha")))


def _after(number: float) -> float:
    """Return the next float: Core ML's ThresholdedReLU lets its number itself pass.

    Zero stays: what passes there is zero.
    """
    return float(np.nextafter(np.float32(number), np.float32(np.inf))) if number else 0.0


def piecewise_linear(op: Op, net: Net) -> Blob:
    """where() between straight lines of one value, in the frozen part: a sum of ThresholdedReLUs.

    Such as where(x > 0, x, 0.1 x), soft and hard shrinkage; one LeakyReLU where that is all.
    """
    cuts, sides, slopes, shifts = (op.const(k) for k in ("cuts", "sides", "slopes", "shifts"))
    if cuts == [0] and not any(shifts) and slopes[1] == 1 and slopes[0] != 0:
        return _activation(op, net, "LEAKYRELU", slopes[:1])
    x = net.plain(op, op.ref("x"))
    one = np.ones((1, 1, 1), np.float32)
    parts = []
    if slopes[0]:
        parts.append(net.scale(op, x, slopes[0] * one, 0 * one) if slopes[0] != 1 else x)
    for i, (cut, side) in enumerate(zip(cuts, sides, strict=True)):
        # What is added from the cut on is a line, too: factor * (x - zero).
        factor = slopes[i + 1] - slopes[i]
        zero = -(shifts[i + 1] - shifts[i]) / factor
        moved = net.scale(op, x, one, -zero * one) if zero else x
        start = cut - zero
        part = _add(op, net, moved, "THRESHOLDEDRELU", _after(start) if side else float(start))
        parts.append(net.scale(op, part, factor * one, 0 * one) if factor != 1 else part)
    total = parts[0] if len(parts) == 1 else net.elementwise(op, "ADD", parts)
    return net.affine(op, total, None, shifts[0] * one) if shifts[0] else total


def softmax(op: Op, net: Net) -> Blob:
    """Softmax over the last axis."""
    blob = net.pending(op.ref("x"))
    # The softmax layer normalises over channels, so that axis must become the channels.
    blob = net.with_axes(op, blob, blob.letters_with_channels_at(op.const("axis", -1)))
    return net.made(op, "softmax", net.settled(op, blob), net.builder.add_softmax)


def gelu(op: Op, net: Net) -> Blob:
    """GELU, exact: max(x, 0) - |x| erfc(|x| / sqrt(2)) / 2, in the frozen part.

    erfc(z) = (a1 t + … + a5 t^5) exp(-z^2) with t = 1 / (1 + p z), to 1.5e-7: formula 7.1.26 of
    Abramowitz and Stegun, Handbook of Mathematical Functions. Core ML has no erf before iOS 13.
    """

    def unary(blob: Blob, mode: str, **parameters: float) -> Blob:
        return net.made(op, mode, blob, net.builder.add_unary, mode=mode, **parameters)

    def product(*factors: Blob) -> Blob:
        return net.elementwise(op, "MULTIPLY", factors)

    x = net.plain(op, op.ref("x"))
    size = unary(x, "abs")
    t = unary(size, "inverse", scale=ERFC_P / np.sqrt(2), shift=1.0, epsilon=1e-37)
    one = np.ones((1, 1, 1), np.float32)
    tail = t
    for factor, summand in zip((ERFC_A[-1], 1, 1, 1), ERFC_A[-2::-1], strict=True):
        tail = product(net.scale(op, tail, factor * one, summand * one), t)
    tail = product(tail, unary(product(x, x), "exp", scale=-0.5))
    tail = net.scale(op, product(tail, size), -0.5 * one, 0 * one)
    return net.elementwise(op, "ADD", [_add(op, net, x, "RELU", None), tail])


ERFC_P = 0.3275911
ERFC_A = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def _activation(op: Op, net: Net, kind: str, parameters: Any = None) -> Blob:
    return _add(op, net, net.plain(op, op.ref("x")), kind, parameters)


def _add(op: Op, net: Net, blob: Blob, kind: str, parameters: Any) -> Blob:
    return net.made(
        op, "activation", blob, net.builder.add_activation, non_linearity=kind, params=parameters
    )
