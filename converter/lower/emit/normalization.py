"""Normalization by the statistics of each sample."""

from __future__ import annotations

import numpy as np

from converter.lower.blob import Blob
from converter.lower.emit import moves
from converter.lower.net import Net
from converter.trace.program import Op


def group_norm(op: Op, net: Net) -> Blob:
    """GroupNormalization -> ``batchnorm`` over each sample's groups, in the frozen part.

    Its epsilon is added to the variance, by the format's own formula; that of ``mvn`` is not said.
    """
    blob = net.pending(op.ref("x"))
    # Groups lie one after the other in memory if their axis is the channels.
    axes = blob.letters_with_channels_at(op.const("axis"))
    blob = net.settled(op, net.with_axes(op, blob, axes))
    groups, chw = op.const("groups"), blob.chw
    parted = (groups, blob.channels // groups * chw[1], chw[2])
    grouped = moves.reshaped(op, net, blob, parted)
    ones, zeros = np.ones(groups, np.float32), np.zeros(groups, np.float32)
    normal = net.made(
        op, "batchnorm", grouped, net.builder.add_batchnorm, channels=groups, gamma=ones,
        beta=zeros, mean=zeros, variance=ones, compute_mean_var=True, instance_normalization=True,
        epsilon=op.const("epsilon"),
    )  # fmt: skip
    back = moves.reshaped(op, net, normal, chw)
    gamma, beta = (
        net.values.array(op.inputs[name]).reshape(-1, 1, 1) if name in op.inputs else None
        for name in ("gamma", "beta")
    )
    return net.affine(op, net.affine(op, back, gamma, None), None, beta)
