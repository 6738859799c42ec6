"""What an update of a k-nearest-neighbours classifier does: it keeps the samples, once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from converter.arithmetic import KERAS
from converter.coreml import neighbors
from converter.coreml.mlmodel import Floats, Message
from converter.coreml.pipelines import learner
from converter.coreml.subject import updatable
from converter.errors import DataError, UsageError
from converter.runtime.history import History, Labelled, Progress
from converter.runtime.joining import joined
from converter.runtime.labels import labels_of
from converter.runtime.loop import Score
from converter.runtime.neighbors import vectors
from converter.runtime.network import layers_between
from converter.runtime.settings import Settings
from converter.runtime.sources import FrozenFeatures, InputBlobs, Samples, computed

BATCH_SIZE = 32
"""Samples whose features are computed at once."""

KEPT = "a k-nearest-neighbours classifier learns by keeping the samples, once"


def settings(model: Message, **chosen: float | int | bool | None) -> Settings:
    """Return the settings of an update of `model`: there is nothing to choose.

    Raises:
        UsageError: something is chosen.
    """
    for name, value in chosen.items():
        if value is not None:
            raise UsageError(f"{name} is no setting of this model: {KEPT}; leave it out")
    return Settings("", {}, 1, BATCH_SIZE, False, 0)


def check(model: Message, settings: Settings) -> None:
    """Check that samples can be added to `model`.

    Raises:
        TrainingError: the model is not updatable.
        ModelFileError: it cannot be run here.
        UsageError: an arithmetic is chosen.
    """
    if settings.arithmetic != KERAS:
        raise UsageError(f"arithmetic is no setting of this model: {KEPT}; leave it out")
    joined(model)
    updatable(model)


def train(
    model: Message,
    data: Labelled,
    settings: Settings,
    held_out: Labelled | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> History:
    """Add the samples in `data` to `model`, in place, behind those that it has.

    A pipeline keeps what the models before its last one make of them.

    Raises:
        UsageError: a checkpoint is asked for.
        DataError: samples or labels do not fit the model.
        ModelFileError: the model cannot be run, or makes features that are no numbers.
    """
    check(model, settings)
    progress = progress or Progress()
    if checkpoint is not None:
        raise UsageError(
            f"checkpoint: {KEPT}, so that there is nothing to go on from; leave it out"
        )
    _check_count(data)
    params = getattr(learner(model), neighbors.KIND)
    known = neighbors.read(learner(model))
    of = labels_of(model, data.y)
    before = evaluate(model, held_out, settings.batch_size) if held_out and known.labels else None
    progress.before(before)
    features = _features(model, data.samples, settings.batch_size, progress)
    samples = np.concatenate([known.samples, features])
    neighbors.put_samples(params, samples, [*known.labels, *of])
    after = evaluate(model, held_out, settings.batch_size) if held_out else None
    history = History(before, [], dict(Counter(of)), after)
    progress.kept(history)
    return history


def evaluate(model: Message, data: Labelled, batch_size: int = BATCH_SIZE) -> Score:
    """Return how often the label that `model` predicts is that of `data`; there is no loss.

    Raises:
        DataError: samples or labels do not fit the model.
        ModelFileError: the model cannot be run, or is empty and mute.
        UsageError: `batch_size` is less than one.
    """
    _check_count(data)
    wanted = np.array(labels_of(model, data.y), object)
    whole = joined(model)
    search = whole.searches[-1]
    right = 0
    for part, batch in computed(_source(model, data.samples, batch_size), batch_size):
        best = search.blobs(batch[search.features])[search.best].argmax(axis=3).ravel()
        right += int((np.array(search.classes, object)[best] == wanted[part]).sum())
    return Score(None, right / len(wanted))


def _check_count(data: Labelled) -> None:
    if len(data.samples) != len(data.y):
        raise DataError(f"there are {len(data.samples)} samples, but {len(data.y)} labels")
    if not len(data.samples):
        raise DataError("there are no samples")


def _source(model: Message, samples: Samples, batch_size: int) -> FrozenFeatures:
    """Return what gives the features that the last classifier of `model` compares."""
    whole = joined(model)
    wanted = [whole.searches[-1].features]
    layers = layers_between(whole.layers, whole.given, wanted)
    return FrozenFeatures(InputBlobs(model, samples), layers, wanted, batch_size, once=True)


def _features(model: Message, samples: Samples, batch_size: int, progress: Progress) -> Floats:
    """Return the features of all samples, ``[N, dimensions]``.

    Raises:
        DataError: one is no number.
    """
    parts = []
    for part, batch in computed(_source(model, samples, batch_size), batch_size):
        rows = vectors(next(iter(batch.values())))
        odd = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if odd.size:
            raise DataError(
                f"the model makes NaN or infinity of sample {part.start + int(odd[0])}, which "
                "nothing can be compared with; leave it out"
            )
        parts.append(rows)
        progress.features(part.stop, len(samples))
    found: Floats = np.concatenate(parts)
    return found
