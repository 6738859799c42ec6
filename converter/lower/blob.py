"""A Core ML blob and which axis of the MIL value each of its three axes is.

Core ML's classic layers know blobs ``[C, H, W]`` only; Keras values come as ``NHWC``, ``NC`` and
in every transposition of these. A blob carries one letter per MIL axis: ``N``, ``C``, ``H``, ``W``,
or ``1`` for an axis of size one that no blob axis stands for. A transpose then permutes letters,
and no layer is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from converter.trace.program import Array, KerasLayer, Shape

SIZE = {"C": 0, "H": 1, "W": 2}
"""Letter -> its place in ``[C, H, W]``."""


@dataclass(frozen=True)
class Affine:
    """A scale and shift that is still to be applied, per channel: ``scale * x + shift``.

    Both arrays have shape ``[C]``. `origin` is the Keras layer that asked for it last.
    """

    scale: Array
    shift: Array
    origin: KerasLayer | None = None

    def then(self, scale: Array, shift: Array, origin: KerasLayer | None) -> Affine:
        """Return this followed by another one."""
        return Affine(self.scale * scale, self.shift * scale + shift, origin)

    def uniform(self) -> tuple[float, float] | None:
        """Return scale and shift as numbers if all channels share them."""
        if np.all(self.scale == self.scale[0]) and np.all(self.shift == self.shift[0]):
            return float(self.scale[0]), float(self.shift[0])
        return None


@dataclass(frozen=True)
class Border:
    """Zeros still to be put around the image: ``(top, bottom)`` and ``(left, right)``."""

    vertical: tuple[int, int]
    horizontal: tuple[int, int]
    origin: KerasLayer | None = None


@dataclass(frozen=True)
class Order:
    """Channels still to be reordered: channel i of the value is channel ``channels[i]``.

    `is_trained` says that what is reordered changes in training, so that a gradient must pass.
    """

    channels: tuple[int, ...]
    is_trained: bool = False
    origin: KerasLayer | None = None

    def is_permutation_of(self, count: int) -> bool:
        """Return whether every one of `count` channels is there once."""
        return sorted(self.channels) == list(range(count))


@dataclass(frozen=True)
class Blob:
    """A blob by name, its letters, its sizes, and what is still to be applied to it.

    `affine`, then `border`, then `order` wait for a layer that absorbs them (see `Net.plain`); an
    `order` only where it was asked for (see `Net.pending`). `shared` says that something else reads
    the blob too, so that its producer must not be changed.
    """

    name: str
    axes: str
    chw: tuple[int, int, int]
    affine: Affine | None = None
    border: Border | None = None
    order: Order | None = None
    shared: bool = False

    @property
    def shape(self) -> Shape:
        """The shape of the MIL value that this blob stands for."""
        border = self.border or Border((0, 0), (0, 0))
        _, height, width = self.chw
        grown = (self.extent("C"), height + sum(border.vertical), width + sum(border.horizontal))
        return tuple(grown[SIZE[a]] if a in SIZE else 1 for a in self.axes)

    @property
    def channels(self) -> int:
        """The number of channels."""
        return self.chw[0]

    def extent(self, letter: str) -> int:
        """Return the size of the axis `letter`, 1 for ``N`` and ``1``."""
        if letter == "C" and self.order:
            return len(self.order.channels)
        return self.chw[SIZE[letter]] if letter in SIZE else 1

    def transposed(self, order: list[int]) -> Blob:
        """Return the blob for the value whose axis i is axis ``order[i]`` of this one."""
        return replace(self, axes="".join(self.axes[i] for i in order))

    def relabelled(self, shape: Shape) -> Blob | None:
        """Return the blob for a reshape to `shape` that only adds or drops axes of size one.

        None if the reshape moves data.
        """
        kept = [(a, n) for a, n in zip(self.axes, self.shape, strict=True) if n > 1]
        if [n for _, n in kept] != [n for n in shape if n > 1]:
            return None
        letters = iter(a for a, _ in kept)
        axes = "".join("1" if n == 1 else next(letters) for n in shape)
        return replace(self, axes=_with_batch_letter(axes))

    def letters_with_channels_at(self, axis: int) -> str:
        """Return the letters with ``C`` at MIL axis `axis`; whoever had it gets that one's."""
        letters = [self.axes[axis] if a == "C" else a for a in self.axes]
        letters[axis] = "C"
        return "".join(letters)

    def spread(self, constant: Array) -> Array | None:
        """Return `constant`, broadcast against the MIL value, as ``[C or 1, H or 1, W or 1]``.

        None if the constant would make the value larger.
        """
        if constant.ndim > len(self.axes):
            if any(n != 1 for n in constant.shape[: constant.ndim - len(self.axes)]):
                return None
            constant = constant.reshape(constant.shape[constant.ndim - len(self.axes) :])
        letters = self.axes[len(self.axes) - constant.ndim :]
        for letter, n in zip(letters, constant.shape, strict=True):
            if n not in (1, self.extent(letter)):
                return None
        order = [letters.index(a) for a in "CHW" if a in letters]
        rest = [i for i in range(constant.ndim) if i not in order]
        sizes = [constant.shape[letters.index(a)] if a in letters else 1 for a in "CHW"]
        spread: Array = constant.transpose([*rest, *order]).reshape(sizes)
        return spread


def _with_batch_letter(axes: str) -> str:
    return f"N{axes[1:]}" if axes.startswith("1") else axes


def as_blob(array: Array, axes: str) -> Array:
    """Return `array`, whose axes have the letters `axes`, such as ``NHWC``, as ``[N, C, H, W]``."""
    order = [axes.index(letter) for letter in "NCHW" if letter in axes]
    sizes = [array.shape[axes.index(letter)] if letter in axes else 1 for letter in "NCHW"]
    return np.asarray(array.transpose(order).reshape(sizes))
