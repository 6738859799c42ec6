"""How one user differs from the others: what each shift does to a user's samples.

Every user draws a value of their own for each shift, from a stream of random numbers that depends
on the seed, the user and the name of the shift alone: one more shift, or one more user, changes no
other value.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from converter.coreml.mlmodel import Floats
from converter.errors import DataError
from converter.runtime.backend import Array, Integers
from converter.studies.model import Shifts

GEOMETRIC = ("scale", "rotation", "translation")
"""Shifts that move pixels: they need samples with height and width."""


def stream(seed: int, user: int, name: str) -> np.random.Generator:
    """Return the random numbers of one user, for what is called `name`."""
    digest = hashlib.sha256(f"{seed}/{user}/{name}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32))


@dataclass(frozen=True)
class Style:
    """One user's values: factors, degrees, pixels, and shares of the range of values.

    Attributes:
        scale: factor on the size.
        rotation: degrees, counter-clockwise.
        translation: pixels down and to the right.
        contrast: factor on the distance from the middle of the range.
        brightness: share of the range that is added.
        inverted: whether dark is bright.
        noise: standard deviation of noise, a share of the range.
    """

    scale: float = 1.0
    rotation: float = 0.0
    translation: tuple[float, float] = (0.0, 0.0)
    contrast: float = 1.0
    brightness: float = 0.0
    inverted: bool = False
    noise: float = 0.0


def style(shifts: Shifts, seed: int, user: int) -> Style:
    """Return the values that `user` draws: factors evenly in their logarithm, others evenly."""

    def drawn(name: str, low: float, high: float) -> float:
        return float(stream(seed, user, name).uniform(low, high))

    def either_way(name: str, most: float | None) -> float:
        return drawn(name, -most, most) if most else 0.0

    def factor(name: str, most: float | None) -> float:
        return math.exp(drawn(name, -math.log(most), math.log(most))) if most else 1.0

    most = shifts.translation or 0.0
    down, right = stream(seed, user, "translation").uniform(-most, most, 2)
    return Style(
        factor("scale", shifts.scale),
        either_way("rotation", shifts.rotation),
        (float(down), float(right)),
        factor("contrast", shifts.contrast),
        either_way("brightness", shifts.brightness),
        drawn("inversion", 0, 1) < (shifts.inversion or 0.0),
        drawn("noise", 0, shifts.noise or 0.0),
    )


def class_weights(shifts: Shifts, counts: Integers, seed: int, user: int) -> Floats:
    """Return how likely a sample of each class is one of `user`; `counts` are there of each.

    Of all classes, `label_subset` are kept at random; their shares come from a Dirichlet
    distribution with `label_skew` as every α (Hsu, Qi and Brown 2019, arXiv:1909.06335), or are
    those of the data.
    """
    shares = counts / counts.sum()
    if shifts.label_skew is not None:
        alphas = np.full(len(counts), shifts.label_skew)
        drawn = stream(seed, user, "label_skew").dirichlet(alphas)
        shares = np.maximum(drawn, 1e-9)  # of a small α, most are 0 in 64 bits
    if shifts.label_subset is not None and shifts.label_subset < len(counts):
        kept = stream(seed, user, "label_subset").permutation(len(counts))[: shifts.label_subset]
        shares = np.where(np.isin(np.arange(len(counts)), kept), shares, 0.0)
    weights: Floats = shares / shares.sum()
    return weights


def chosen(shifts: Shifts, classes: Integers, count: int, seed: int, user: int) -> Integers:
    """Return which `count` samples of a common data set are those of `user`, none of them twice.

    `classes` are those of the samples, from 0.

    Raises:
        DataError: the classes of the user have fewer samples.
    """
    counts = np.bincount(classes)
    weights = class_weights(shifts, counts, seed, user)
    per_sample = (weights / np.maximum(counts, 1))[classes]
    available = int(np.count_nonzero(per_sample))
    if available < count:
        raise DataError(
            f"a user needs {count} samples, but the classes of user {user} have {available}; "
            "lower samples or test_samples, or raise label_subset"
        )
    rng = stream(seed, user, "samples")
    return rng.choice(len(classes), count, replace=False, p=per_sample / per_sample.sum())


Range: TypeAlias = tuple[float, float]
"""The lowest and the highest value that samples have."""


def shifted(images: Array, own: Style, span: Range, seed: int, user: int) -> Floats:
    """Return samples ``[N, H, W, C]``, or vectors ``[N, C]``, as they are with the user's style.

    What leaves the image is lost; where something comes in, the edge goes on. Values stay in
    `span`, the range of the data.
    """
    low, high = span
    width = high - low
    found = np.asarray(images, np.float32)
    if found.ndim == 4:
        found = _moved(found, own)
    middle = (low + high) / 2
    found = (found - middle) * own.contrast + middle + own.brightness * width
    found = np.clip(found, low, high)
    if own.inverted:
        found = low + high - found
    if own.noise:
        draws = stream(seed, user, "noisy").standard_normal(found.shape)
        found = np.clip(found + own.noise * width * draws, low, high)
    moved: Floats = found.astype(np.float32)
    return moved


def _moved(images: Floats, own: Style) -> Floats:
    """Return the images scaled and rotated about their centre, then translated."""
    if (own.scale, own.rotation, own.translation) == (1.0, 0.0, (0.0, 0.0)):
        return images
    from converter.backend.tensorflow import keras

    matrix = np.tile(transform(own, images.shape[1], images.shape[2]), (len(images), 1))
    moved = keras.ops.image.affine_transform(images, matrix, fill_mode="nearest")
    found: Floats = np.asarray(moved)
    return found


def transform(own: Style, height: int, width: int) -> Floats:
    """Return ``[a0, a1, a2, b0, b1, b2, 0, 0]``, by which Keras finds each pixel's origin.

    The pixel ``(x, y)`` of the result is that of the image at ``(a0 x + a1 y + a2,
    b0 x + b1 y + b2)``: https://keras.io/api/ops/image/#affine_transform-function. So it is the
    inverse of what is done to the image.
    """
    angle = math.radians(own.rotation)
    cos, sin = math.cos(angle) / own.scale, math.sin(angle) / own.scale
    down, right = own.translation
    x, y = (width - 1) / 2, (height - 1) / 2
    a2 = x - cos * (x + right) + sin * (y + down)
    b2 = y - sin * (x + right) - cos * (y + down)
    return np.array([cos, -sin, a2, sin, cos, b2, 0, 0], np.float32)


def refuse_unfit(shifts: Shifts, ndim: int) -> None:
    """Refuse shifts that samples of so many axes, the first counted, cannot have.

    Raises:
        DataError: a shift moves pixels, but samples have no height and width.
    """
    name = next((n for n in GEOMETRIC if getattr(shifts, n) is not None), None)
    if name is not None and ndim != 4:
        raise DataError(f"shifts: {name} is for images; these samples have no height and width")
