"""Activations: one ``activation`` layer each, and softmax."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from converter.emit.blob import Blob
from converter.emit.net import Net
from converter.program import Op


def relu(op: Op, net: Net) -> Blob:
    """ReLU: max(x, 0)."""
    return _activation(op, net, "RELU")


def leaky_relu(op: Op, net: Net) -> Blob:
    """LeakyReLU, ReLU with a negative slope: x if x >= 0 else alpha x."""
    return _activation(op, net, "LEAKYRELU", [op.const("alpha")])


def prelu(op: Op, net: Net) -> Blob:
    """PReLU with one slope per channel (``shared_axes=[1, 2]``): x if x >= 0 else alpha x."""
    blob = net.plain(op, op.ref("x"))
    slopes = blob.spread(net.array(op.inputs["alpha"]))
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
    return _activation(op, net, "THRESHOLDEDRELU", op.const("alpha"))


def softmax(op: Op, net: Net) -> Blob:
    """Softmax over the last axis."""
    axis = op.const("axis", -1)
    blob = net.pending(op.ref("x"))
    if blob.axes[axis] != "C":
        # The softmax layer normalises over channels, so that axis must become the channels.
        letters = [a if a != "C" else blob.axes[axis] for a in blob.axes]
        letters[axis] = "C"
        blob = net.with_axes(op, blob, "".join(letters))
    blob = net.settled(op, blob)
    name = net.name(op, "softmax")
    net.builder.add_softmax(name, blob.name, name)
    return replace(blob, name=name, shared=False)


def _activation(op: Op, net: Net, kind: str, parameters: Any = None) -> Blob:
    return _add(op, net, net.plain(op, op.ref("x")), kind, parameters)


def _add(op: Op, net: Net, blob: Blob, kind: str, parameters: Any) -> Blob:
    name = net.name(op, "activation")
    net.builder.add_activation(
        name, kind, blob.name, name, np.asarray(parameters) if kind == "PRELU" else parameters
    )
    return replace(blob, name=name, shared=False)
