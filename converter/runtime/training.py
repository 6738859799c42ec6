"""A whole update, as ``MLUpdateTask`` runs it: epochs, shuffling, and the updated model."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from converter.arithmetic.last_batch import ZEROS
from converter.arithmetic.told import TOLD
from converter.coreml.mlmodel import Message
from converter.errors import DataError
from converter.runtime import checkpoint as checkpoints
from converter.runtime import network
from converter.runtime.backend import CPU, Array, Integers, tf
from converter.runtime.batches import WithZeros, batches
from converter.runtime.history import Epoch, History, Labelled, Progress
from converter.runtime.loop import Score
from converter.runtime.plan import Plan, plan
from converter.runtime.settings import Settings
from converter.runtime.sources import Source, kept, source
from converter.runtime.targets import BlobShape, targets
from converter.runtime.trainer import Trainer
from converter.runtime.weights import StoredWeights


def train(
    model: Message,
    data: Labelled,
    settings: Settings,
    held_out: Labelled | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> History:
    """Update `model`, in place, by `data`.

    In every epoch, the first included, the samples come in an order that depends on the seed and
    the epoch alone if the model shuffles, else as they are; `settings.arithmetic` says in which,
    and all else that can be counted in more than one way. What lies below the lowest updatable
    layer is computed once. With `checkpoint` the state is saved there after every epoch, and a
    training that finds such a file goes on from it; the score before training remains that of
    `model` as it is.

    Raises:
        TrainingError: the model cannot be trained, the loss is no longer a number, the checkpoint
            is none of this training, or the only mini-batch is one that is dropped.
        UsageError: the checkpoint is one of more epochs than are asked for.
        DataError: samples or labels do not fit the model.
        OutputError: the checkpoint cannot be written.
    """
    progress = progress or Progress()
    chosen = plan(model)
    trainer = Trainer(chosen, settings)
    identity = checkpoints.fingerprint(chosen, settings, len(data.samples)) if checkpoint else ""
    done, state = [], None
    if checkpoint and checkpoint.exists():
        state = checkpoints.read_fitting(checkpoint, identity, trainer, settings.epochs)
        done = [Epoch(**epoch) for epoch in state.epochs]  # type: ignore[arg-type]
        progress.resumed(len(done), checkpoint)
    keep = settings.epochs - len(done) > 1
    fills = settings.arithmetic.last_batch == ZEROS
    blobs, answers = _prepared(model, chosen, data, settings, keep, progress, fills)
    test = _prepared(model, chosen, held_out, settings, keep, Progress()) if held_out else None
    before = trainer.score(*test) if test else None
    progress.before(before)
    if state:
        state.into(trainer)
    for number in range(len(done) + 1, settings.epochs + 1):
        indices = batches(settings, number, len(data.samples))
        done.append(_epoch(trainer, number, indices, (blobs, answers), test, settings, progress))
        progress.epoch(done[-1])
        if checkpoint:
            checkpoints.save(checkpoint, identity, trainer, [asdict(epoch) for epoch in done])
    trainer.write_back()
    return History(before, done)


def blob_shape(chosen: Plan, blobs: Source) -> BlobShape:
    """Return height, width and channels of what the loss is computed from."""
    with tf.device(CPU):
        given = {name: tf.constant(blob) for name, blob in blobs.take(np.arange(1)).items()}
        wanted = [chosen.loss_blob]
        found = network.run(chosen.learning, given, StoredWeights(), wanted)[chosen.loss_blob]
    height, width, channels = (int(size) for size in found.shape[1:])
    return height, width, channels


def border(
    model: Message, chosen: Plan, data: Labelled, batch_size: int, with_zeros: bool = False
) -> tuple[Source, Array]:
    """Return what the learning layers start from, and the answers, once both fit the model.

    `chosen` is the plan of `model`. `with_zeros` puts a sample of zeros behind the last one.

    Raises:
        DataError: samples or labels do not fit the model, or there are none.
        ModelFileError: the network cannot be run.
    """
    total = len(data.samples)
    if total == 0:
        raise DataError("there are no samples")
    if len(data.y) != total:
        raise DataError(f"there are {total} samples, but {len(data.y)} labels")
    samples = WithZeros(data.samples) if with_zeros else data.samples
    blobs = source(model, chosen, samples, batch_size)
    answers = targets(model, chosen, data.y, blob_shape(chosen, blobs))
    if with_zeros:
        answers = np.append(answers, np.zeros_like(answers[:1]), axis=0)
    return blobs, answers


def _prepared(
    model: Message,
    chosen: Plan,
    data: Labelled,
    settings: Settings,
    keep: bool,
    progress: Progress,
    with_zeros: bool = False,
) -> tuple[Source, Array]:
    """Return where mini-batches come from, and the answers; features are kept if asked for."""
    blobs, answers = border(model, chosen, data, settings.batch_size, with_zeros)
    if keep:
        total = len(data.samples)
        blobs = kept(blobs, settings.batch_size, lambda done: progress.features(done, total))
    return blobs, answers


def _epoch(
    trainer: Trainer,
    number: int,
    indices: Integers,
    data: tuple[Source, Array],
    test: tuple[Source, Array] | None,
    settings: Settings,
    progress: Progress,
) -> Epoch:
    started = time.perf_counter()
    blobs, answers = data
    total = len(indices)
    found = trainer.epoch(
        blobs, answers, indices, lambda done: progress.samples(number, done, total)
    )
    seconds = time.perf_counter() - started
    progress.batches(number, found.losses)
    after = trainer.score(*test) if test else Score(float("nan"), None)
    return Epoch(
        number,
        TOLD[settings.arithmetic.loss](found.losses, found.sizes),
        float(found.losses[-1]),
        trainer.accuracy(found),
        after.loss if test else None,
        after.accuracy,
        seconds,
    )
