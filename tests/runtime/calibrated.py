"""The small trainings of `converter.device.trainings`, done by the reference runtime."""

from dataclasses import dataclass, replace

import numpy as np

from converter.arithmetic import KERAS
from converter.device.trainings import TRAININGS
from converter.runtime import ArraySamples, History, Labelled, Progress, settings, train
from tests.runtime.updatable import floats_of

BY_NAME = {training.name: training for training in TRAININGS}


@dataclass(frozen=True)
class Outcome:
    """Weights and behind them the biases, the history, the losses of each epoch's batches."""

    weights: np.ndarray
    history: History
    losses: list[np.ndarray]


class Heard(Progress):
    def __init__(self):
        self.losses = []

    def batches(self, epoch, losses):
        self.losses.append(losses)


def learned(name, **choices):
    """Train with Keras's arithmetic, but for `choices`."""
    training, heard = BY_NAME[name], Heard()
    model = training.model
    counting = replace(settings(model), arithmetic=replace(KERAS, **choices))
    data = Labelled(ArraySamples(training.batch.inputs), training.answers)
    history = train(model, data, counting, progress=heard)
    found = [floats_of(model, "dense", field) for field in ("weights", "bias")]
    return Outcome(np.concatenate(found), history, heard.losses)
