"""The check of a model that learns by keeping samples: what it answers when it has kept them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.coreml import neighbors
from converter.coreml.pipelines import learner
from converter.coreml.subject import Keeper
from converter.device.batch import Array, Batch, images_as_bytes, samples_of
from converter.device.checks import Check, completed, predictions, reloaded_predictions
from converter.device.child import Ending
from converter.device.comparing import ACROSS_ENGINES, relative
from converter.device.verdict import FACTS, Verdict, concluded, incomplete
from converter.errors import TrainingError

if TYPE_CHECKING:
    from converter.runtime.history import Labelled

CLASSES = 3
"""Of random samples: there are as many of each."""

FEWEST, MOST = 9, 129
"""Samples that are added: more than twice the neighbours that decide, within these."""

TIE = 1e-6
"""Shares of votes that differ by less are equal: which class wins then, the format does not say."""


def samples(chosen: Keeper, data: Labelled | None) -> Batch:
    """Return the samples to add: the first of `data`, or seeded random ones.

    Raises:
        DataError: samples or labels do not fit the model, or the file leaves a shape open.
    """
    count = min(max(FEWEST, 2 * chosen.neighbors.count + 1), MOST)
    if data is None:
        places = np.arange(count) % CLASSES
        is_text = neighbors.label_type(chosen.member) == "string"
        answers = np.array([f"class {place}" for place in places]) if is_text else places
        random = np.random.default_rng(0)
        inputs = {f.name: samples_of(f, count, random) for f in chosen.inputs}
        return Batch(inputs, answers)
    from converter.runtime.labels import labels_of

    kept = np.arange(min(count, len(data.samples)))
    inputs = images_as_bytes(chosen, data.samples.take(kept))
    return Batch(inputs, np.array(labels_of(chosen.model, np.asarray(data.y)[kept])))


@dataclass(frozen=True)
class Reference:
    """What the reference runtime answers to samples when all of the batch have been added.

    Attributes:
        classes: those of all samples, the old ones first.
        shares: ``[N, classes]``, what part of the vote each has.
    """

    classes: tuple[str, ...] | tuple[int, ...]
    shares: Array

    @property
    def clear(self) -> Array:
        """Which answers no tie decides, ``[N]``."""
        ordered = np.sort(np.pad(self.shares, ((0, 0), (1, 0))), axis=1)
        return np.asarray(ordered[:, -1] - ordered[:, -2] > TIE)


def reference(chosen: Keeper, batch: Batch) -> Reference:
    """Return what the model answers to the samples of `batch` when it has kept them all.

    Raises:
        ModelFileError: the reference runtime cannot run the model.
        TrainingError: the model names no output with the probabilities of the classes.
    """
    from converter import runtime

    copy = type(chosen.model)()
    copy.CopyFrom(chosen.model)
    data = runtime.Labelled(runtime.ArraySamples(batch.inputs), batch.answers)
    runtime.train(copy, data, runtime.settings(copy))
    classes = neighbors.read(learner(copy)).classes
    return Reference(classes, runtime.predict(copy, batch.inputs)[_shares(chosen)[1]])


def _shares(chosen: Keeper) -> tuple[int, str]:
    """Return the place and the name of the output with the probabilities of the classes."""
    description = chosen.model.description
    for place, feature in enumerate(description.output):
        if feature.name == description.predictedProbabilitiesName:
            return place, feature.name
    raise TrainingError(
        "the model names no output with the probabilities of its classes, by which its answers "
        "are compared; convert it with make-updatable"
    )


def judged(chosen: Keeper, batch: Batch, ours: Reference, ending: Ending) -> Verdict:
    """Return the verdict on how the child ended, compared with the reference runtime."""
    answer = ending.answer or {}
    facts: dict[str, Any] = {key: answer[key] for key in FACTS if key in answer}
    facts |= {"samples": len(batch), "remark": "one pass: a model of neighbors has no epochs"}
    other = incomplete(ending)
    if other is not None:
        return Verdict(*other, facts=facts)
    found = tuple(_checks(chosen, ours, answer, ending.arrays))
    arrays = {f"samples/{name}": values for name, values in batch.inputs.items()}
    arrays |= {"samples/answers": batch.answers, "reference/shares": ours.shares}
    arrays |= {name.replace(".", "/"): array for name, array in ending.arrays.items()}
    return concluded(found, f"Core ML added {len(batch)} samples", facts, arrays)


def _checks(
    chosen: Keeper, ours: Reference, answer: dict[str, Any], arrays: dict[str, Array]
) -> Iterator[Check]:
    shares = arrays.get(f"predicted.after.{_shares(chosen)[0]}")
    yield completed(answer)
    yield predictions(arrays)
    yield reloaded_predictions(arrays)
    title = "classes are those of the reference runtime"
    if shares is None:
        yield Check(title, None, "Core ML gave no probabilities of the classes")
        return
    asked = ours.shares[: len(shares)]  # Core ML is asked for the first few
    clear = ours.clear[: len(shares)]
    equal = shares.argmax(axis=1) == asked.argmax(axis=1)
    seen = f"{int((equal & clear).sum())} of {int(clear.sum())} that no tie decides"
    yield Check(title, bool(equal[clear].all()) if clear.any() else None, seen)
    gap = relative(asked, shares)
    title = "probabilities are those of the reference runtime"
    yield Check(title, gap <= ACROSS_ENGINES, f"differ by {gap:.1e} of their range")
