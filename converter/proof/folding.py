"""Batch normalization folded in Keras as the conversion folded it, to compare the training.

A layer that learns with a batch normalization folded into it has other weights than in Keras. Here
they go into the Keras layer, and the normalization becomes one that changes nothing: the model
computes the same as before, and learns as the Core ML model does. Where the layer has no bias of
its own, the normalization's ``beta`` becomes the bias that the folding gave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from converter.coreml.keras_order import ORDERS
from converter.coreml.mlmodel import floats
from converter.proof.pairing import Pair
from converter.runtime.plan import Parameter
from converter.trace.program import Array

CLOSE = 1e-4
"""How far folded weights may be from those computed here, relative to the largest."""


def fold(group: Sequence[Parameter], layers: Sequence[Any], is_doubled: bool) -> list[Pair]:
    """Fold in Keras what makes the tensors `group` of one Core ML layer; return their pairs.

    `layers` are the layers of the Keras model, which are changed. Empty if no batch normalization
    folded into any layer gives those tensors.
    """
    if is_doubled:
        return []
    norms = [layer for layer in layers if type(layer).__name__ == "BatchNormalization"]
    name = group[0].layer.name
    for layer in sorted(layers, key=lambda layer: bool(layer.name != name)):
        for kernel, axes in _kernels(group, layer):
            for norm in norms:
                if found := _folded(group, layer, kernel, axes, norm):
                    return found
    return []


def _kernels(group: Sequence[Parameter], layer: Any) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Yield variables of `layer` as large as the kernel in `group`, and the order of their axes."""
    size = next(floats(tensor.stored).size for tensor in group if tensor.field != "bias")
    for variable in layer.weights:
        rank = len(variable.shape)
        if rank > 1 and rank in ORDERS and int(np.prod(variable.shape)) == size:
            yield variable, ORDERS[rank][0]


def _folded(
    group: Sequence[Parameter], layer: Any, kernel: Any, axes: tuple[int, ...], norm: Any
) -> list[Pair]:
    """Fold `norm` into `layer` if that gives the tensors in `group`; return their pairs."""
    stored = {tensor.field: floats(tensor.stored) for tensor in group}
    weights = next(values for field, values in stored.items() if field != "bias")
    own = getattr(layer, "bias", None)
    bias = np.zeros(kernel.shape[-1], np.float32) if own is None else own.numpy()
    back = np.argsort(axes)
    ours = weights.reshape([kernel.shape[axis] for axis in axes]).transpose(back)
    for expected, shifted, after in _foldings(kernel.numpy(), bias, norm):
        offset = stored.get("bias", np.zeros_like(shifted))
        if not (_is_close(expected, ours) and _is_close(shifted, offset)):
            continue
        if own is None and "bias" in stored and (not after or norm.beta is None):
            return []  # nothing of Keras could be that bias
        _neutralise(norm)
        kernel.assign(ours)
        holder = own
        if own is None and "bias" in stored:
            holder = norm.beta
        if holder is not None and "bias" in stored:
            holder.assign(offset)
        owner = norm if own is None else layer
        return [
            Pair(tensor, owner, holder, (0,), False, True) if tensor.field == "bias"
            else Pair(tensor, layer, kernel, axes, False, True)
            for tensor in group
        ]  # fmt: skip
    return []


def _foldings(kernel: Array, bias: Array, norm: Any) -> Iterator[tuple[Array, Array, bool]]:
    """Yield kernel and bias with `norm` folded in, as one after the layer, then as one before."""
    scale, shift = _affine(norm)
    if len(scale) == kernel.shape[-1] == len(bias):
        yield kernel * scale, bias * scale + shift, True
    if len(scale) == kernel.shape[-2]:
        summed = kernel.reshape(-1, *kernel.shape[-2:]).sum(axis=0)
        yield kernel * scale[:, None], bias + shift @ summed, False


def _affine(norm: Any) -> tuple[Array, Array]:
    """Return (scale, shift), arrays ``[C]``, that `norm` applies at inference."""
    mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
    scale = 1 / np.sqrt(variance + norm.epsilon)
    scale = scale if norm.gamma is None else scale * norm.gamma.numpy()
    shift = -mean * scale
    return scale, shift if norm.beta is None else shift + norm.beta.numpy()


def _neutralise(norm: Any) -> None:
    """Make `norm` change nothing at inference, and none of it learn but ``beta``."""
    norm.moving_mean.assign(np.zeros_like(norm.moving_mean))
    norm.moving_variance.assign(np.full_like(norm.moving_variance, 1 - norm.epsilon))
    if norm.gamma is not None:
        norm.gamma.assign(np.ones_like(norm.gamma))
    if norm.beta is not None:
        norm.beta.assign(np.zeros_like(norm.beta))


def _is_close(expected: Array, found: Array) -> bool:
    limit = CLOSE * max(float(np.abs(expected).max()), 1e-6)
    return expected.shape == found.shape and float(np.abs(expected - found).max()) <= limit
