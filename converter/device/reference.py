"""The same update in the reference runtime: what Core ML's numbers are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.coreml import mlmodel
from converter.coreml.features import array_shape
from converter.coreml.mlmodel import Message
from converter.coreml.subject import Subject, subject
from converter.device.batch import Array, Batch
from converter.device.comparing import Agreement, outputs, relative, weights, worst
from converter.device.job import Settings


def stored_weights(chosen: Subject) -> dict[str, Array]:
    """Return the weights in the file by number of the layer and key, flat."""
    return {
        f"{number}.{key}": mlmodel.floats(layer.stored(key))
        for number, layer in enumerate(chosen.layers())
        for key in layer.keys
    }


def with_weights(chosen: Subject, arrays: Mapping[str, Array]) -> Message:
    """Return a copy of the model with `arrays` in place of its own weights, flat by key."""
    copy = type(chosen.model)()
    copy.CopyFrom(chosen.model)
    for number, layer in enumerate(subject(copy).layers()):
        for key in layer.keys:
            if f"{number}.{key}" in arrays:
                mlmodel.set_floats(layer.stored(key), arrays[f"{number}.{key}"])
    return copy


def agreement(chosen: Subject, batch: Batch, arrays: Mapping[str, Array]) -> Agreement:
    """Return how far Core ML's predictions are from the reference runtime's.

    Raises:
        ModelFileError: the reference runtime cannot run the model.
    """
    count = len(next(array for name, array in arrays.items() if name.startswith("predicted.")))
    inputs = {name: values[:count] for name, values in batch.inputs.items()}
    learned = with_weights(chosen, weights(arrays, "after"))
    return Agreement(
        _disagreement(chosen, chosen.model, inputs, arrays, "before"),
        _disagreement(chosen, learned, inputs, arrays, "after"),
    )


def _disagreement(
    chosen: Subject, model: Message, inputs: Mapping[str, Array], arrays: Mapping[str, Array],
    when: str,
) -> float:  # fmt: skip
    from converter.runtime import predict

    ours = predict(model, inputs)
    known = outputs(arrays)
    return worst(
        relative(
            ours[feature.name].reshape(len(ours[feature.name]), -1),
            arrays.get(f"predicted.{when}.{number}"),
        )
        for number, feature in enumerate(chosen.model.description.output)
        if str(number) in known
    )


@dataclass(frozen=True)
class Steps:
    """What the reference runtime makes of the pass.

    Attributes:
        weights: afterwards, as `stored_weights` gives them.
        losses: of every mini-batch before its step, epoch by epoch.
    """

    weights: dict[str, Array]
    losses: list[list[float]]


def steps(chosen: Subject, batch: Batch, settings: Settings) -> Steps:
    """Return what the same pass does in the reference runtime.

    Mean loss over the mini-batch, no shuffling, the optimizer's numbers as they are in the file.

    Raises:
        TrainingError: the reference runtime cannot train the model.
    """
    from converter.runtime.history import Labelled, Progress
    from converter.runtime.settings import settings as in_file
    from converter.runtime.sources import ArraySamples
    from converter.runtime.training import train

    class Losses(Progress):
        def __init__(self) -> None:
            self.found: list[list[float]] = []

        def batches(self, epoch: int, losses: Array) -> None:
            self.found.append(losses.tolist())

    copied = subject(with_weights(chosen, {}))
    answers = batch.answers
    if not chosen.loss.is_classification:
        answers = answers.reshape(len(answers), *array_shape(copied.target))
    numbers = in_file(
        copied.member, epochs=settings.epochs, batch_size=settings.batch_size, shuffle=False
    )
    data = Labelled(ArraySamples(batch.inputs), _as_labels(copied, answers))
    losses = Losses()
    train(copied.member, data, numbers, progress=losses)
    return Steps(stored_weights(copied), losses.found)


def _as_labels(chosen: Subject, answers: Array) -> Array:
    """Return class indices as the labels that a classifier knows them by."""
    labels = chosen.labels
    return answers if labels is None else np.array([labels[index] for index in answers])


def compare_steps(
    chosen: Subject, before: Mapping[str, Array], ours: Mapping[str, Array],
    theirs: Mapping[str, Array],
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Return, for each array that learns, how Core ML's step relates to the reference's.

    ``deviation`` is the largest difference of the two results, relative to the largest step of the
    reference; ``factor`` is the length of Core ML's step along the reference's (1 where gradients
    are means as here, the number of samples where they are sums); ``cosine`` is 1 where both point
    the same way.
    """
    found = {}
    for number, layer in enumerate(chosen.layers()):
        for key in layer.keys if layer.is_updatable else ():
            name = f"{number}.{key}"
            if name in theirs and theirs[name].shape == ours[name].shape:
                one = ours[name].astype(np.float64) - before[name]
                other = theirs[name].astype(np.float64) - before[name]
                found[f"{layer.layer.name} {key}"] = _relation(one, other)
    return found


def _relation(ours: Array, theirs: Array) -> dict[str, Any]:
    length, other = float(np.linalg.norm(ours)), float(np.linalg.norm(theirs))
    if not length or not np.isfinite([length, other]).all():
        return {"deviation": None, "factor": None, "cosine": None}
    along = float(ours @ theirs)
    return {
        "deviation": float(np.abs(theirs - ours).max() / np.abs(ours).max()),
        "factor": along / length**2,
        "cosine": along / (length * other) if other else None,
    }
