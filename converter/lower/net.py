"""The network under construction: which blob stands for which traced value, and what waits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NoReturn, TypeAlias

import numpy as np

from converter.backend.coremltools import NeuralNetworkBuilder
from converter.errors import UnsupportedError
from converter.lower.blob import SIZE, Affine, Blob
from converter.lower.factored import Factored
from converter.lower.layers import Layers
from converter.lower.values import Values
from converter.lower.weighted import Weighted
from converter.trace.program import Array, KerasLayer, Op, Program, Ref

Value: TypeAlias = "Blob | Factored"

MOST_SLICES = 8
"""Runs of channels that are cut out one by one when channels are reordered."""


class Net(Layers):
    """What emitters work on: the builder, the blobs made so far, and the program's values."""

    def __init__(
        self,
        program: Program,
        builder: NeuralNetworkBuilder,
        updatable: Collection[KerasLayer] = (),
        reserved: Collection[str] = (),
    ) -> None:
        super().__init__(Values(program, updatable), builder, reserved)
        self.updatable = updatable
        self.weighted: dict[str, Weighted] = {}
        self._values: dict[str, Value] = {}
        self._uses = program.uses()

    def store(self, ref: Ref, value: Value) -> None:
        """Remember that `value` stands for `ref`."""
        self._values[ref.name] = value

    def value(self, ref: Ref) -> Value:
        """Return what stands for `ref`: a blob, or a value of more axes than a blob has."""
        return self._values[ref.name]

    def pending(self, ref: Ref, in_any_order: bool = False) -> Blob:
        """Return the blob for `ref` with whatever still waits to be applied to it.

        That its channels are still to be reordered is left to those who ask for it `in_any_order`.
        """
        blob = self.value(ref)
        assert isinstance(blob, Blob), f"{ref.name} is no blob"
        if blob.order and not in_any_order:
            blob = self.reordered(blob)
            self.store(ref, blob)
        return replace(blob, shared=True) if self._uses[ref.name] > 1 else blob

    def plain(self, op: Op, ref: Ref) -> Blob:
        """Return the blob for `ref` with nothing waiting: layers are added where necessary."""
        return self.settled(op, self.pending(ref))

    def settled(self, op: Op, blob: Blob) -> Blob:
        """Return `blob` with its affine and its border applied by layers of their own."""
        blob = self.reordered(self.without_affine(op, blob))
        border = blob.border
        if border is None:
            return blob
        return self.padded(replace(op, layer=border.origin), replace(blob, border=None), border)

    def without_border(self, op: Op, blob: Blob) -> Blob:
        """Return `blob` with its border applied, and then its affine; without one, as it is."""
        return self.settled(op, blob) if blob.border else blob

    def without_affine(self, op: Op, blob: Blob) -> Blob:
        """Return `blob` with its affine applied by a ``scale`` layer; the border still waits."""
        if blob.affine is None:
            return blob
        scale, shift = (a[:, None, None] for a in (blob.affine.scale, blob.affine.shift))
        asked = replace(op, layer=blob.affine.origin)
        done = self.scale(asked, replace(blob, affine=None, border=None), scale, shift)
        return replace(done, border=blob.border)

    def with_axes(self, op: Op, blob: Blob, wanted: str) -> Blob:
        """Return `blob` with the letters `wanted`, such as ``NCHW``, for its MIL axes.

        Letters of axes of size one are exchanged freely; where others disagree, a permute layer
        moves the data, or a flatten layer, which a gradient passes, if there is one axis only.
        """
        moves = {
            new: old
            for new, old, size in zip(wanted, blob.axes, blob.shape, strict=True)
            if size > 1
        }
        if all(new == old for new, old in moves.items()):
            return replace(blob, axes=wanted)
        blob = self.settled(op, blob)
        if list(moves) == ["C"]:
            flat = self.made(op, "flatten", blob, self.builder.add_flatten, mode=0)
            return replace(flat, axes=wanted, chw=(max(blob.chw), 1, 1))
        free = iter([letter for letter in "CHW" if letter not in moves.values()])
        source = {letter: moves.get(letter) or next(free) for letter in "CHW"}
        order = [0, *(1 + SIZE[source[letter]] for letter in "CHW")]
        moved = self.made(op, "permute", blob, self.builder.add_permute, dim=order)
        channels, height, width = (blob.extent(source[letter]) for letter in "CHW")
        return replace(moved, axes=wanted, chw=(channels, height, width))

    def reordered(self, blob: Blob) -> Blob:
        """Return `blob` with its channels reordered by layers of their own; the rest still waits.

        A few runs of channels are cut out by ``slice`` and joined by ``concat``; many, and those
        that a gradient must pass, are picked by a 1x1 convolution of zeros and ones.
        """
        if blob.order is None:
            return blob
        order, op = list(blob.order.channels), Op("reorder", {}, (), blob.order.origin)
        runs = _runs(order)
        if blob.order.is_trained or len(runs) > MOST_SLICES:
            picked = np.zeros((len(order), blob.channels), np.float32)
            picked[np.arange(len(order)), order] = 1
            name = self.pointwise(op, blob, picked)
        else:
            parts = [
                self.made(op, "slice", blob, self.builder.add_slice, axis="channel",
                          start_index=start, end_index=stop, stride=1)
                for start, stop in runs
            ]  # fmt: skip
            name = (parts[0] if len(parts) == 1 else self.elementwise(op, "CONCAT", parts)).name
        affine = blob.affine and replace(
            blob.affine, scale=blob.affine.scale[order], shift=blob.affine.shift[order]
        )
        chw = (len(order), *blob.chw[1:])
        return replace(blob, name=name, chw=chw, affine=affine, order=None, shared=False)

    def affine(self, op: Op, blob: Blob, scale: Array | None, shift: Array | None) -> Blob:
        """Apply ``scale * x + shift`` to `blob`; arrays are ``[C or 1, H or 1, W or 1]``.

        It is folded into the convolution or dense layer that made the blob where nothing else
        reads that; otherwise it waits for the next one, or becomes a layer.
        """
        if any(a is not None and a.shape[1:] != (1, 1) for a in (scale, shift)):
            blob = self.settled(op, blob)
            one, nought = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
            return self.scale(
                op, blob, one if scale is None else scale, nought if shift is None else shift
            )
        if blob.border and shift is not None and np.any(shift != 0):
            blob = self.settled(op, blob)
        if blob.order and not blob.order.is_permutation_of(blob.channels):
            blob = self.reordered(blob)
        by_channel = [
            None if a is None else _in_stored_order(np.broadcast_to(a.ravel(), blob.channels), blob)
            for a in (scale, shift)
        ]
        maker = self.weighted.get(blob.name)
        if maker and not (blob.shared or blob.affine or blob.border):
            return self._folded_back(op, blob, maker, *by_channel)
        return _waiting(op, blob, *by_channel)

    def _folded_back(
        self, op: Op, blob: Blob, maker: Weighted, scale: Array | None, shift: Array | None
    ) -> Blob:
        if scale is not None and np.any(scale != 1):
            maker.scale_outputs(scale, op.layer)
        if shift is not None:
            maker.shift_outputs(shift, op.layer)
        return blob

    def refuse(self, op: Op, reason: str) -> NoReturn:
        """Raise the error that `op` cannot be said in Core ML's classic layers, and why.

        Raises:
            UnsupportedError: always.
        """
        where = str(op.layer) if op.layer else f"operation '{op.kind}'"
        raise UnsupportedError(f"{where}: {reason}")


def _in_stored_order(by_channel: Array, blob: Blob) -> Array:
    """Return one number per channel of the value as one per channel of `blob`."""
    if blob.order is None:
        return by_channel
    return np.asarray(by_channel[np.argsort(blob.order.channels)])


def _runs(order: Sequence[int]) -> list[tuple[int, int]]:
    """Return (start, stop) of the runs of neighbouring channels in `order`."""
    runs: list[tuple[int, int]] = []
    for channel in order:
        if runs and runs[-1][1] == channel:
            runs[-1] = (runs[-1][0], channel + 1)
        else:
            runs.append((channel, channel + 1))
    return runs


def _waiting(op: Op, blob: Blob, scale: Array | None, shift: Array | None) -> Blob:
    scale = np.ones(blob.channels, np.float32) if scale is None else scale
    shift = np.zeros(blob.channels, np.float32) if shift is None else shift
    if np.all(scale == 1) and np.all(shift == 0):
        return blob
    before = blob.affine or Affine(np.ones_like(scale), np.zeros_like(shift))
    return replace(blob, affine=before.then(scale, shift, op.layer))
