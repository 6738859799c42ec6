"""The small trainings of `converter.device.trainings`, done by the reference runtime."""

from dataclasses import replace

import numpy as np

from converter.arithmetic import KERAS
from converter.calibration.prediction import Prediction
from converter.device.trainings import TRAININGS
from converter.runtime import ArraySamples, Labelled, Progress, Trainer, plan, settings, train
from converter.runtime.batches import batches
from converter.runtime.sources import InputBlobs
from tests.runtime.updatable import floats_of

BY_NAME = {training.name: training for training in TRAININGS}


class Heard(Progress):
    def __init__(self):
        self.losses = []

    def batches(self, epoch, losses):
        self.losses.append(losses)


def learned(name, **choices):
    """Train with Keras's arithmetic, but for `choices`; return what is left and the history."""
    training, heard = BY_NAME[name], Heard()
    model = training.model
    counting = replace(settings(model), arithmetic=replace(KERAS, **choices))
    data = Labelled(ArraySamples(training.batch.inputs), training.answers)
    history = train(model, data, counting, progress=heard)
    return Prediction(*left(model, counting, training, heard.losses)), history


def left(model, counting, training, losses):
    weights = [floats_of(model, "dense", field) for field in ("weights", "bias")]
    total, size = len(batches(counting, 1, len(training.samples))), training.batch_size
    sizes = [min(size, total - start) for start in range(0, total, size)]
    return np.concatenate(weights), tuple(losses), np.array(sizes)


def left_by_runtime(training, arithmetic):
    """Return what the runtime leaves of `training`, also where the rate changes on the way."""
    if training.later_rate is None:
        return learned(training.name, **vars(arithmetic))[0]
    model, losses, state = training.model, [], None
    blobs = InputBlobs(model, ArraySamples(training.batch.inputs))
    answers = training.answers[:, None, None]
    for epoch in range(1, training.epochs + 1):
        rate = training.numbers["learning_rate"] if epoch == 1 else training.later_rate
        counting = replace(settings(model, learning_rate=rate), arithmetic=arithmetic)
        trainer = Trainer(plan(model), counting)
        for variable, value in zip(trainer.state, state or trainer.state, strict=True):
            variable.assign(value)
        indices = batches(counting, epoch, len(training.samples))
        losses.append(trainer.epoch(blobs, answers, indices).losses)
        state = [variable.numpy() for variable in trainer.state]
    trainer.write_back()
    return Prediction(*left(model, counting, training, losses))
