"""A k-nearest-neighbours classifier: what it answers, and the samples that an update adds to it.

The format says that distances are squared Euclidean, and that a neighbour votes for its class, with
a weight of 1 or of 1 / distance; the class with the highest sum is predicted:
https://apple.github.io/coremltools/mlmodel/Format/NearestNeighbors.html
Where it is silent, this is what is done here; no device has been asked:

* Of samples at the same distance, the one that was added first is nearer.
* Of classes with the same sum, the one with the nearest sample is predicted.
* At a distance of 0, where 1 / distance has no value, only samples at that distance vote.
* Of fewer samples than neighbours all vote.
* Without samples the default label is predicted, with the probability 1.

Probabilities are the sums divided by their total. An index, linear or k-d tree, only says how the
neighbours are found; here all samples are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from converter.coreml.mlmodel import Floats
from converter.coreml.neighbors import Neighbors
from converter.errors import ModelFileError
from converter.runtime.backend import Array, Integers

VALUES_AT_ONCE = 1 << 22
"""Products with samples that are computed at once."""


@dataclass(frozen=True)
class Search:
    """A k-nearest-neighbours classifier among the layers of a model.

    It makes of the blob `features` two others: the `probabilities` of the classes, and `best`, in
    which the predicted class has a 1, since of equal probabilities the nearest sample decides.
    """

    neighbors: Neighbors
    features: str
    probabilities: str
    best: str

    @property
    def made(self) -> tuple[str, str]:
        """The blobs that it makes."""
        return self.probabilities, self.best

    @cached_property
    def classes(self) -> Sequence[str] | Sequence[int]:
        """The classes in the order of their probabilities; while there are none the default label.

        Empty if there is not even that.
        """
        default = self.neighbors.default_label
        if self.neighbors.labels or default is None:
            return self.neighbors.classes
        return [default]  # type: ignore[return-value]

    def blobs(self, features: Floats) -> dict[str, Floats]:
        """Return the blobs ``[N, 1, 1, classes]`` for features ``[N, 1, 1, dimensions]``.

        Raises:
            ModelFileError: a feature is not a number, or there are neither samples nor a default
                label.
        """
        if not self.classes:
            raise ModelFileError(
                "the k-nearest-neighbours classifier has neither samples nor a default label, so "
                "that it has no answer; train it first"
            )
        rows = vectors(features)
        if not np.isfinite(rows).all():
            raise ModelFileError("the features that neighbors are searched by hold NaN or infinity")
        found = [self._answer(*pair) for pair in self._with_products(rows)]
        count = len(self.classes)
        shape = (len(rows), 1, 1, count)
        return {
            self.probabilities: np.stack([votes for votes, _ in found]).reshape(shape),
            self.best: np.eye(count, dtype=np.float32)[[best for _, best in found]].reshape(shape),
        }

    @cached_property
    def _places(self) -> Integers:
        """The place of each sample's class among the classes, ``[n]``."""
        places = {label: place for place, label in enumerate(self.neighbors.classes)}
        return np.array([places[label] for label in self.neighbors.labels], np.int64)

    @cached_property
    def _squares(self) -> Array:
        """The squared length of each sample, ``[n]``."""
        samples = self.neighbors.samples
        found: Array = np.einsum("nd,nd->n", samples, samples, dtype=np.float64)
        return found

    def _with_products(self, rows: Floats) -> Iterator[tuple[Floats, Floats]]:
        """Yield each row with its products with all samples, ``[n]``, in single precision."""
        samples = self.neighbors.samples
        step = max(1, VALUES_AT_ONCE // max(1, len(samples)))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            with np.errstate(over="ignore", invalid="ignore"):
                products = part @ samples.T
            yield from zip(part, products, strict=True)

    def _answer(self, row: Floats, products: Floats) -> tuple[Floats, int]:
        """Return the probabilities ``[classes]`` for a `row`, and which class is predicted."""
        if not self.neighbors.labels:
            return np.ones(1, np.float32), 0
        samples, count = self.neighbors.samples, self.neighbors.count
        some = _candidates(self._squares, row, products, count)
        found, distances = nearest(samples, some, row, count)
        classes, weights = self._places[found], np.ones(len(found))
        if self.neighbors.weighting == "inverse_distance":
            equal = distances == distances[0]
            weights = np.where(equal, 1.0, distances[0] / np.where(equal, 1.0, distances))
        votes = np.bincount(classes, weights, len(self.classes))
        best = int(classes[votes[classes].argmax()])  # the first of equals is the nearest
        return (votes / votes.sum()).astype(np.float32), best


def vectors(features: Floats) -> Floats:
    """Return a blob ``[N, H, W, C]`` as ``[N, C * H * W]``, channel first as arrays are."""
    found: Floats = features.transpose(0, 3, 1, 2).reshape(len(features), -1)
    return found


def nearest(samples: Floats, some: Integers, row: Floats, count: int) -> tuple[Integers, Array]:
    """Return which of `some` samples are nearest to `row` ``[D]``, and their distances.

    They are `count`, or all where there are fewer, the nearest first, equals in their order. A
    distance is the sum of the squared differences, in double precision. `samples` are ``[n, D]``.
    """
    gap = np.subtract(samples[some], row, dtype=np.float64)
    distances = np.einsum("nd,nd->n", gap, gap)
    order = np.argsort(distances, kind="stable")[:count]
    return some[order], distances[order]


def _candidates(squares: Array, row: Floats, products: Floats, count: int) -> Integers:
    """Return, in their order, the samples among which the `count` nearest ones are for certain.

    ``|s - x|² = |s|² + |x|² - 2 s x``, and what D products and sums in single precision may be off
    is known to be below `error`, unless it is beyond what that can hold.
    """
    if count >= len(products) or not np.isfinite(products).all():
        return np.arange(len(products))
    single = np.finfo(np.float32)
    lengths = squares + np.square(row, dtype=np.float64).sum()
    about = lengths - 2.0 * products.astype(np.float64)
    error = 2.0 * len(row) * (single.eps * lengths + 2.0 * single.tiny)
    farthest = np.partition(about + error, count - 1)[count - 1]
    return np.flatnonzero(about - error <= farthest)
