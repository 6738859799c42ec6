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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from converter.coreml.mlmodel import Floats
from converter.coreml.neighbors import Neighbors
from converter.errors import ModelFileError
from converter.runtime.backend import Array, Integers

VALUES_AT_ONCE = 1 << 22
"""Numbers of samples that are compared with a sample at once."""


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

    @property
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
        of_samples, count = self._places(), len(self.classes)
        found = [self._answer(row, of_samples, count) for row in rows]
        shape = (len(rows), 1, 1, count)
        return {
            self.probabilities: np.stack([votes for votes, _ in found]).reshape(shape),
            self.best: np.eye(count, dtype=np.float32)[[best for _, best in found]].reshape(shape),
        }

    def _places(self) -> Integers:
        """Return the place of each sample's class among the classes, ``[n]``."""
        places = {label: place for place, label in enumerate(self.neighbors.classes)}
        return np.array([places[label] for label in self.neighbors.labels], np.int64)

    def _answer(self, row: Floats, of_samples: Integers, count: int) -> tuple[Floats, int]:
        """Return the probabilities ``[count]`` of the classes, and which is predicted."""
        if not len(of_samples):
            return np.ones(1, np.float32), 0
        found, distances = nearest(self.neighbors.samples, row, self.neighbors.count)
        classes, weights = of_samples[found], np.ones(len(found))
        if self.neighbors.weighting == "inverse_distance":
            equal = distances == distances[0]
            weights = np.where(equal, 1.0, distances[0] / np.where(equal, 1.0, distances))
        votes = np.bincount(classes, weights, count)
        best = int(classes[votes[classes].argmax()])  # the first of equals is the nearest
        return (votes / votes.sum()).astype(np.float32), best


def vectors(features: Floats) -> Floats:
    """Return a blob ``[N, H, W, C]`` as ``[N, C * H * W]``, channel first as arrays are."""
    found: Floats = features.transpose(0, 3, 1, 2).reshape(len(features), -1)
    return found


def nearest(samples: Floats, row: Floats, count: int) -> tuple[Integers, Array]:
    """Return which of `samples` ``[n, D]`` are nearest to `row` ``[D]``, and their distances.

    They are `count`, or all where there are fewer, the nearest first, equals in their order. A
    distance is the sum of the squared differences, in double precision.
    """
    distances = np.empty(len(samples))
    step = max(1, VALUES_AT_ONCE // samples.shape[1])
    for start in range(0, len(samples), step):
        gap = np.subtract(samples[start : start + step], row, dtype=np.float64)
        distances[start : start + step] = np.einsum("nd,nd->n", gap, gap)
    some = np.arange(len(samples))
    if count < len(samples):
        some = np.flatnonzero(distances <= np.partition(distances, count - 1)[count - 1])
    order = some[np.argsort(distances[some], kind="stable")][:count]
    return order, distances[order]
