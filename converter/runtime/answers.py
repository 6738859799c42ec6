"""Which class a model names for each sample, beside the true one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from converter.coreml.features import labels
from converter.coreml.mlmodel import CROSS_ENTROPY, Floats, Message
from converter.runtime.backend import Array, Integers
from converter.runtime.evaluation import judged
from converter.runtime.history import Labelled
from converter.runtime.joined import Joined
from converter.runtime.joining import joined
from converter.runtime.labels import labels_of
from converter.runtime.prediction import predict_samples
from converter.runtime.targets import targets


@dataclass(frozen=True)
class Answers:
    """The classes of samples, as places in `classes`.

    Attributes:
        classes: what the classes are called, in the model's order.
        true: the class of each sample, ``[N]``.
        predicted: the one that the model names, ``[N]``.
        certainty: the probability that it gives to that, ``[N]``.
    """

    classes: Sequence[str]
    true: Integers
    predicted: Integers
    certainty: Floats

    @property
    def right(self) -> Array:
        """Whether the model names the true class, ``[N]``."""
        return np.asarray(self.true == self.predicted)


def answers(model: Message, data: Labelled, batch_size: int = 32) -> Answers | None:
    """Return the classes that `model` names for `data`; None if it names none.

    That is so of a model of values, of one whose probabilities are no output, and of nearest
    neighbours that keep no samples yet and have no default label.

    Raises:
        ModelFileError: the model cannot be run.
        DataError: samples or labels do not fit the model.
    """
    whole = joined(model)
    if whole.searches:
        return _of_neighbors(model, whole, data, batch_size)
    plan = judged(model)
    names = [name for name, each in whole.outputs.items()
             if each.blob == plan.output_blob and each.labels is None]  # fmt: skip
    if plan.loss != CROSS_ENTROPY or not names:
        return None
    found = predict_samples(model, data.samples, batch_size)[names[0]]
    true = targets(model, plan, data.y, (1, 1, found.shape[1])).astype(np.int64)
    classes = list(map(str, labels(model) or range(found.shape[1])))
    return Answers(classes, true, found.argmax(axis=1), found.max(axis=1))


def _of_neighbors(model: Message, whole: Joined, data: Labelled, batch_size: int) -> Answers | None:
    """Return the classes by their labels: true ones may be others than those that are kept."""
    search = whole.searches[-1]
    names = {each.blob: name for name, each in whole.outputs.items() if each.labels is None}
    named = [name for name, each in whole.outputs.items() if each.labels is not None]
    if not search.classes or not named:
        return None
    found = predict_samples(model, data.samples, batch_size)
    true, predicted = list(map(str, labels_of(model, data.y))), list(map(str, found[named[0]]))
    classes = list(dict.fromkeys([*map(str, search.classes), *true]))
    place = {label: number for number, label in enumerate(classes)}
    spread = names.get(search.probabilities)
    certainty = found[spread].max(axis=1) if spread else np.ones(len(true), np.float32)
    return Answers(
        classes,
        np.array([place[label] for label in true]),
        np.array([place[label] for label in predicted]),
        certainty,
    )
