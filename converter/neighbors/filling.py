"""The samples that a k-nearest-neighbours classifier begins with, and their labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converter import runtime
from converter.coreml import neighbors
from converter.coreml.interface import Labels
from converter.coreml.mlmodel import LARGEST_MESSAGE, Message
from converter.coreml.optimizers import LARGEST_INTEGER
from converter.coreml.pipelines import learner, members
from converter.data import KERAS_DATASETS, Reading, read
from converter.errors import DataError, UsageError, first_of
from converter.neighbors.build import VECTOR
from converter.recipe import Recipe
from converter.runtime import Samples

BATCH_SIZE = 32
"""Samples whose features are computed at once."""


class Filling:
    """Samples with labels, whose features go into a classifier.

    Attributes:
        labels: those of the samples, all texts or all whole numbers.
        notes: what is to know of the data.
    """

    def __init__(self, samples: Samples, labels: Labels, notes: Sequence[str]) -> None:
        self._samples = samples
        self.labels = labels
        self.notes = tuple(notes)

    def put_into(self, model: Message) -> None:
        """Put the features of the samples into the last member of the pipeline `model`.

        They are computed by its first member, batch by batch.

        Raises:
            DataError: a feature is no number.
        """
        network = members(model)[0][1]
        features = runtime.predict_samples(network, self._samples, BATCH_SIZE)[VECTOR]
        odd = np.flatnonzero(~np.isfinite(features).all(axis=1))
        if odd.size:
            raise DataError(
                f"the features of sample {odd[0]} ('{self.labels[odd[0]]}') hold NaN or infinity; "
                "leave it out, or take the features from another layer"
            )
        params = learner(model).kNearestNeighborsClassifier
        neighbors.put_samples(params, features, self.labels)


def filling(recipe: Recipe, model: Message, classes: Labels | None) -> Filling | None:
    """Return the samples that `recipe` names, as the inputs of `model` take them; None if none.

    `model` is the pipeline with a classifier whose labels are texts, `classes` what labels there
    may be, if that is known.

    Raises:
        DataError: the samples cannot be read or do not fit the model, or their labels do not; or
            they are more than a file holds.
        UsageError: the scale does not fit the values.
    """
    if recipe.knn_samples is None:
        return None
    where = _place(recipe.knn_samples)
    try:
        found = read(where, model, Reading("auto", recipe.knn_scale or 1.0))
    except (UsageError, DataError) as error:
        raise type(error)(_own_flags(str(error))) from error
    count = len(found.train.samples)
    if not count:
        raise DataError(f"{where}: holds no samples")
    index = learner(model).kNearestNeighborsClassifier.nearestNeighborsIndex
    dimensions = index.numberOfDimensions
    if 4 * count * dimensions > LARGEST_MESSAGE:
        raise DataError(
            f"{where}: {count} samples of {dimensions} features take "
            f"{4e-9 * count * dimensions:.1f} GB, but a Core ML model file holds at most 2.1 GB; "
            "give fewer samples"
        )
    is_folder = Path(where).is_dir()
    labels = labels_of(where, found.train.y, classes, recipe.default_label, is_folder)
    return Filling(found.train.samples, labels, [_own_flags(note) for note in found.notes])


def _place(path: Path) -> str:
    """Return the file or folder at `path`, or the dataset of Keras that it names."""
    return path.name if path.name in KERAS_DATASETS and not path.exists() else str(path)


def _own_flags(message: str) -> str:
    """Return what is said of data elsewhere with the options of a conversion."""
    return message.replace("--scale", "--knn-scale").replace(
        "; say --layout nhwc or --layout nchw", "; give images of another size than their channels"
    )


def labels_of(
    where: str, y: Any, classes: Labels | None, default: str | int | None, is_folder: bool
) -> Labels:
    """Return the labels `y` of samples, ``[n]`` or ``[n, 1]``, all texts or all whole numbers.

    Names of folders are numbers if all of them are, unless a text among `classes` or as the
    `default` label says otherwise; other numbers are places among `classes` if these are texts.

    Raises:
        DataError: they are something else, none of `classes`, or not of the default label's type.
    """
    found = _plain(where, y)
    texts = isinstance((classes or (default,))[0], str)
    if is_folder and not texts and all(map(is_number, map(str, found))):
        found = tuple(int(name) for name in found)
    if classes is not None:
        found = _among(where, found, classes)
    if default is not None and isinstance(default, str) != isinstance(found[0], str):
        kinds = ("texts", "a number") if isinstance(found[0], str) else ("numbers", "a text")
        raise DataError(
            f"{where}: the labels are {kinds[0]}, such as '{found[0]}', but the default label "
            f"'{default}' is {kinds[1]}; give one of the same type"
        )
    return found


def is_number(text: str) -> bool:
    """Tell whether `text` is a whole number of 64 bits that is not negative, as people write it."""
    return text.isascii() and text.isdigit() and len(text) < len(str(LARGEST_INTEGER))


def _plain(where: str, y: Any) -> Labels:
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "USiubf":
        raise DataError(
            f"{where}: labels of shape {list(array.shape)} and type {array.dtype} are no labels; "
            "give each sample one, a text or a whole number"
        )
    if array.dtype.kind in "US":
        texts = tuple(str(text) for text in array.astype(str))
        if not all(text.strip() for text in texts):
            raise DataError(f"{where}: a label is empty; give every class a name")
        return texts
    if array.dtype.kind == "f" and not (np.isfinite(array) & (array == np.floor(array))).all():
        raise DataError(f"{where}: the labels are no whole numbers; give texts or whole numbers")
    numbers = tuple(int(number) for number in array)
    if max(map(abs, numbers)) > LARGEST_INTEGER:
        raise DataError(f"{where}: a label has more than 64 bits; give texts instead")
    return numbers


def _among(where: str, found: Labels, classes: Labels) -> Labels:
    """Return the labels `found`: each has to be one of `classes`, or a place among them."""
    odd: str | int | None
    if isinstance(classes[0], str) and not isinstance(found[0], str):
        odd = next((n for n in found if not 0 <= int(n) < len(classes)), None)
        if odd is None:
            return tuple(str(classes[int(place)]) for place in found)
    else:
        odd = next((label for label in found if label not in classes), None)
        if odd is None:
            return found
    known = f"the {len(classes)} classes ({first_of(classes)})"
    raise DataError(f"{where}: the label '{odd}' is none of {known}")
