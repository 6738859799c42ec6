"""A convolution or inner product whose arrays are put in last, after everything is folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from converter.coreml.mlmodel import Message, set_floats
from converter.trace.program import Array, KerasLayer

NO_WEIGHTS = np.zeros(0, np.float32)
"""Stands in for weights when a layer is added; `Weighted.bind` puts the real ones in."""


@dataclass
class Around:
    """The arithmetic of other layers that was folded around one: what Core ML computes is
    ``scale * (W (before_scale * x + before_shift) + b) + shift``, W and b being Keras's.

    Numbers, or arrays by channel: ``[in]`` before and ``[out]`` behind.
    """

    before_scale: Array | float = 1.0
    before_shift: Array | float = 0.0
    scale: Array | float = 1.0
    shift: Array | float = 0.0


@dataclass
class Weighted:
    """The arrays of one Core ML layer until they are bound.

    `weights` is ``[out, in / groups, kh, kw]`` or ``[out, in]`` (a deconvolution:
    ``[in, out / groups, kh, kw]``), a view on Keras's memory as long as nothing is folded into it.
    `folded` names the Keras layers whose arithmetic went into this one; it `absorbs` if some of
    that came before it, and `around` says what that arithmetic was. It `is_changed` if its arrays
    are not those of its Keras layer any more.
    """

    name: str
    params: Message
    weights: Array
    keras: KerasLayer
    bias: Array | None = None
    folded: list[KerasLayer] = field(default_factory=list)
    absorbs: bool = False
    is_changed: bool = False
    around: Around = field(default_factory=Around)

    @property
    def outputs(self) -> int:
        """The number of output channels."""
        return int(self.params.outputChannels)

    def scale_outputs(self, scale: Array, by: KerasLayer | None) -> None:
        """Fold ``scale * y``, array ``[out]``, that follows this layer."""
        self.weights = self.weights * self._along_outputs(scale)
        self.bias = None if self.bias is None else self.bias * scale
        self.around.scale = self.around.scale * scale
        self.around.shift = self.around.shift * scale
        self._remember(by)

    def shift_outputs(self, shift: Array, by: KerasLayer | None) -> None:
        """Fold ``y + shift``, array ``[out]``, that follows this layer.

        The layer's own bias is kept though it be zero: it is trained later. Another layer's zeros
        give no bias to a layer that Keras built without one.
        """
        if by == self.keras or np.any(shift != 0):
            self.bias = shift if self.bias is None else self.bias + shift
        if by != self.keras:
            self.around.shift = self.around.shift + shift
        self._remember(by)

    def scale_inputs(self, scale: Array, shift: Array, by: KerasLayer | None) -> None:
        """Fold ``scale * x + shift``, arrays ``[in]``, that precedes this layer.

        Exact where no zeros are added around the input, or where `shift` is zero.
        """
        self.around.before_scale, self.around.before_shift = scale, shift
        outputs, per_group = self.weights.shape[:2]
        groups = len(scale) // per_group
        by_output = [
            a.reshape(groups, per_group).repeat(outputs // groups, axis=0) for a in (scale, shift)
        ]
        matrix = self.weights.reshape(outputs, per_group, -1)
        if np.any(shift != 0):
            extra = np.einsum("oik,oi->o", matrix, by_output[1])
            self.bias = extra if self.bias is None else self.bias + extra
        self.weights = (matrix * by_output[0][:, :, None]).reshape(self.weights.shape)
        self.absorbs = True
        self._remember(by)

    def reorder_inputs(self, order: Sequence[int], count: int, by: KerasLayer | None) -> None:
        """Fold a reordering that precedes this layer: input i is channel ``order[i]`` of `count`.

        A channel that is read more than once gets the sum of its weights.
        """
        folded = np.zeros((self.weights.shape[0], count, *self.weights.shape[2:]), np.float32)
        np.add.at(folded.swapaxes(0, 1), list(order), self.weights.swapaxes(0, 1))
        self.weights = folded
        self.absorbs = True
        self._remember(by)

    def bind(self) -> tuple[Message, Array]:
        """Write the bias into the Core ML layer; return its empty weights and what belongs there.

        The weights stay outside: they may be large, and the file takes them as they are.
        """
        self.params.weights.ClearField("floatValue")
        self.params.hasBias = self.bias is not None
        self.params.bias.ClearField("floatValue")
        if self.bias is not None:
            set_floats(self.params.bias, self.bias)
        return self.params.weights, self.weights

    def _along_outputs(self, scale: Array) -> Array:
        if not getattr(self.params, "isDeconvolution", False):
            return scale.reshape(-1, *[1] * (self.weights.ndim - 1)).astype(np.float32)
        groups = int(self.params.nGroups) or 1
        per_group = scale.reshape(groups, -1).repeat(self.weights.shape[0] // groups, axis=0)
        return per_group[:, :, None, None].astype(np.float32)

    def _remember(self, by: KerasLayer | None) -> None:
        self.is_changed |= by != self.keras
        if by is not None and by != self.keras and by not in self.folded:
            self.folded.append(by)
