"""Random inputs for both models: noise or smooth shapes, of one range of values or another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from converter.trace.program import Array

SEED = 20231105


@dataclass(frozen=True)
class Look:
    """What samples look like: the range of their values, and whether noise or smooth shapes."""

    lowest: float
    highest: float
    smooth: bool = False


def looks(highest: float, pixels: bool) -> Sequence[Look]:
    """Return what samples may look like for a model made for values from 0 to `highest`.

    The first does for nearly every model; the others are for one whose output the first ones leave
    as it is, such as a network with weights that were never trained, or with dead units.
    """
    usual = Look(0, highest)
    if pixels:
        return usual, Look(0, highest - 1, smooth=True)
    wide = (Look(-size, size, smooth) for size in (1, 255, 1e4) for smooth in (False, True))
    return usual, Look(0, highest, smooth=True), Look(0, 255, smooth=True), *wide


def samples(shapes: Sequence[tuple[int, ...]], look: Look, pixels: bool) -> list[Array]:
    """Return random inputs, one array ``[N, ...]`` per Keras input shape (without the batch).

    Values are of the range of `look`, whole numbers if they are `pixels`; from sample to sample the
    contrast falls, so that not all of them saturate the network.
    """
    rng = np.random.default_rng(SEED)
    values = max(int(np.prod(shape)) for shape in shapes)
    count = 8 if values <= 64 * 64 * 3 else 2
    batch = [_drawn(rng, (count, *shape), look) for shape in shapes]
    return [np.floor(x) for x in batch] if pixels else batch


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], look: Look) -> Array:
    if look.smooth:
        return drawn(rng, shape, look)
    contrast = 0.5 ** np.arange(shape[0])
    noise = rng.uniform(-0.5, 0.5, shape) * contrast.reshape(-1, *[1] * (len(shape) - 1))
    return _ranging(noise + 0.5, look)


def drawn(rng: np.random.Generator, shape: tuple[int, ...], look: Look) -> Array:
    """Return a random array of `shape`, ``[N, ...]``, that looks like `look`."""
    return _ranging(_smooth(rng, shape) if look.smooth else rng.uniform(0, 1, shape), look)


def _ranging(unit: Array, look: Look) -> Array:
    return np.asarray(look.lowest + unit * (look.highest - look.lowest)).astype(np.float32)


def _smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return slow waves between 0 and 1 along all axes, of another brightness in each sample."""
    waves = np.zeros(shape)
    for axis in range(1, len(shape)):
        turns = rng.uniform(-2, 2, (shape[0], *[1] * (len(shape) - 1)))
        size = shape[axis]
        places = (np.arange(size) / size).reshape(-1, *[1] * (len(shape) - 1 - axis))
        waves = waves + turns * places
    waves = np.sin(2 * np.pi * (waves + rng.uniform(size=(shape[0], *[1] * (len(shape) - 1)))))
    bright = np.linspace(0, 1, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    return 0.5 * (bright + 0.5 + 0.5 * waves) if shape[0] > 1 else 0.5 + 0.5 * waves
