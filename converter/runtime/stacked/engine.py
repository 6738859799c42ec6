"""Many users' trainings of one model, and how well each answers after some of the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from converter.arithmetic.last_batch import ZEROS
from converter.coreml.mlmodel import CROSS_ENTROPY, Floats
from converter.errors import DataError, TrainingError, UsageError
from converter.runtime.backend import Array
from converter.runtime.batches import batches
from converter.runtime.plan import Plan
from converter.runtime.settings import Settings
from converter.runtime.sources import KeptFeatures
from converter.runtime.stacked.pool import Rows
from converter.runtime.trainer import Trainer

ADAPTATION = "adaptation"
"""The name of the scores on the samples that a user learns from."""


@dataclass(frozen=True)
class Outcome:
    """What became of every user.

    A training whose loss is no longer a number has NaN from there on, loss and accuracy alike;
    `converter.runtime.train` would have stopped there.

    Attributes:
        epochs: after which of them the users were tested; 0 is before the first.
        loss: by the name of the test, `ADAPTATION` among them: ``[users, len(epochs)]``.
        accuracy: the same, of the share of hits; empty where the answers are values.
        weights: if they were asked for, by layer and field as in `Plan.parameters`: those after the
            last epoch, ``[users, values]`` in the order of the file.
    """

    epochs: tuple[int, ...]
    loss: Mapping[str, Floats]
    accuracy: Mapping[str, Floats]
    weights: Mapping[tuple[str, str], Floats]


class Engine:
    """Trains the learning layers of `plan` for many users; the model itself never changes.

    Every user has weights of their own, which begin as the model's. What a user gets is what
    `converter.runtime.train` computes with the same settings, samples and order.
    """

    def __init__(self, plan: Plan, most_bytes: int = 1 << 30) -> None:
        self.plan, self.most_bytes = plan, most_bytes

    def train(
        self,
        adaptation: Rows,
        settings: Sequence[Settings],
        epochs: Sequence[int],
        tests: Mapping[str, Rows] | None = None,
        keep_weights: bool = False,
    ) -> Outcome:
        """Train every user by its own rows of `adaptation`, to the last of `epochs`.

        Args:
            adaptation: the samples that each user learns from, ``[users, n]``.
            settings: one for each user. They may differ in everything; users whose settings differ
                in no more than learning rate, momentum, seed and shuffling are computed together.
                Their number of epochs does not count.
            epochs: after which to test, ascending; 0 is before the first.
            tests: what else to test with, by name: a set for each user, or one for all.
            keep_weights: whether to return the weights of every user.

        Raises:
            UsageError: the epochs do not ascend, or there are not as many settings as users.
            DataError: rows are none of the pool, or there are no users or no samples.
            TrainingError: nothing is left of an epoch, as the arithmetic drops a mini-batch that is
                not full; or it fills up with a sample of zeros, which the pool lacks.
        """
        sets = {ADAPTATION: adaptation, **(tests or {})}
        _check(sets, settings, epochs)
        found = [self._user(sets, user, chosen, epochs) for user, chosen in enumerate(settings)]
        losses = {name: np.array([f[0][name] for f in found], np.float32) for name in sets}
        shares = {name: np.array([f[1][name] for f in found], np.float32) for name in sets}
        if self.plan.loss != CROSS_ENTROPY:
            shares = {}
        weights = dict[tuple[str, str], Floats]()
        if keep_weights:
            for index, parameter in enumerate(self.plan.parameters):
                weights[parameter.key] = np.stack([f[2][index] for f in found])
        return Outcome(tuple(epochs), losses, shares, weights)

    def bytes_per_user(self, settings: Settings) -> int:
        """Return about how much memory one more user takes, beside the pool."""
        values = sum(len(p.stored.floatValue) for p in self.plan.parameters)
        return values * 4 * 5

    def _user(
        self, sets: Mapping[str, Rows], user: int, settings: Settings, epochs: Sequence[int]
    ) -> tuple[dict[str, list[float]], dict[str, list[float]], list[Floats]]:
        trainer = Trainer(self.plan, settings)
        data = {name: _of(given, user) for name, given in sets.items()}
        losses: dict[str, list[float]] = {name: [] for name in sets}
        shares: dict[str, list[float]] = {name: [] for name in sets}
        blobs, answers = _of(sets[ADAPTATION], user, with_zeros=True)
        total = len(data[ADAPTATION][1])
        alive = True
        for epoch in range(epochs[-1] + 1):
            try:
                if epoch and alive:
                    trainer.epoch(blobs, answers, batches(settings, epoch, total))
            except TrainingError:
                alive = False
            for name, (test, expected) in data.items() if epoch in epochs else ():
                try:
                    score = trainer.score(test, expected)
                except TrainingError:
                    alive = False
                losses[name].append(score.loss if alive else np.nan)
                shares[name].append((score.accuracy or 0.0) if alive else np.nan)
        return losses, shares, trainer.stored(trainer.variables)


def _of(given: Rows, user: int, with_zeros: bool = False) -> tuple[KeptFeatures, Array]:
    rows = given.rows if given.rows.ndim == 1 else given.rows[user]
    rows = rows[rows >= 0]
    if with_zeros and given.pool.zeros is not None:
        rows = np.append(rows, given.pool.zeros)
    blobs = {name: blob[rows] for name, blob in given.pool.blobs.items()}
    return KeptFeatures(blobs), given.pool.answers[rows]


def _check(sets: Mapping[str, Rows], settings: Sequence[Settings], epochs: Sequence[int]) -> None:
    """Refuse what does not fit together."""
    adaptation = sets[ADAPTATION]
    if adaptation.rows.ndim != 2:
        raise DataError("adaptation: rows must be [users, samples]")
    users, samples = adaptation.rows.shape
    if not users or not samples:
        raise DataError("adaptation: there are no users, or no samples")
    if len(settings) != users:
        raise UsageError(f"there are {users} users, but {len(settings)} settings")
    if not epochs or epochs[0] < 0 or any(a >= b for a, b in pairwise(epochs)):
        raise UsageError(f"epochs {list(epochs)}: must ascend from 0 or more")
    for name, given in sets.items():
        _check_rows(name, given, users, least=0 if name == ADAPTATION else -1)
    fills = any(chosen.arithmetic.last_batch == ZEROS for chosen in settings)
    if fills and adaptation.pool.zeros is None:
        raise TrainingError("the arithmetic fills up with a sample of zeros; the pool has none")


def _check_rows(name: str, given: Rows, users: int, least: int) -> None:
    rows, total = given.rows, len(given.pool)
    if rows.ndim not in (1, 2) or (rows.ndim == 2 and len(rows) != users):
        raise DataError(f"{name}: rows are {list(rows.shape)}; there are {users} users")
    if rows.dtype.kind not in "iu" or not rows.size:
        raise DataError(f"{name}: rows must be whole numbers, at least one for each user")
    if rows.min() < least or rows.max() >= total:
        raise DataError(f"{name}: rows go from {rows.min()} to {rows.max()}, not 0 to {total - 1}")
    if np.any(np.all(rows < 0, axis=-1)):
        raise DataError(f"{name}: a user has no samples")
