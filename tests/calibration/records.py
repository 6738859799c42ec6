"""Records as a Mac would write them that counts in a given way, computed in NumPy, with noise."""

from dataclasses import replace

import numpy as np

from converter.arithmetic import KERAS
from converter.arithmetic.told import TOLD
from converter.calibration.prediction import predicted
from converter.device.record import RECORDED, Record, Seen, Told
from converter.device.trainings import BIASES, TRAININGS, WEIGHTS

BEFORE = {"weights": WEIGHTS.ravel(), "biases": BIASES}
MACHINE = {"system": "macOS 26.1 arm64", "compute_units": "CPU only"}
NOISE = 1e-6


def seen_of(weights, told, random):
    """Return what a Mac would have recorded of a training, shaken by `NOISE`."""

    def shaken(numbers):
        return np.asarray(numbers) + random.normal(0, NOISE, np.shape(numbers))

    after = shaken(weights).astype(np.float32)
    losses = shaken(told).tolist()
    return Seen(
        RECORDED,
        before=BEFORE,
        after={"weights": after[:6], "biases": after[6:]},
        losses=(
            *(Told("epoch end", epoch, None, loss) for epoch, loss in enumerate(losses)),
            Told("completion", None, None, losses[-1]),
        ),
    )


def record_of(arithmetic=KERAS, left=predicted, seed=0, **choices):
    """Return the record of a Mac that counts so. `left` is what computes a training."""
    counting, random = replace(arithmetic, **choices), np.random.default_rng(seed)
    seen = {}
    for training in TRAININGS:
        found = left(training, counting)
        told = [TOLD[counting.loss](losses, found.sizes) for losses in found.losses]
        seen[training.name] = seen_of(found.weights, told, random)
    return Record(MACHINE, seen)
