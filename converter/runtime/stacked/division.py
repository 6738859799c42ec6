"""Which users are computed together, and how many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from converter.coreml.mlmodel import Floats
from converter.runtime import network
from converter.runtime.backend import CPU, tf
from converter.runtime.plan import Plan
from converter.runtime.settings import Settings
from converter.runtime.stacked.layers import runs_user_by_user
from converter.runtime.stacked.pool import Pool
from converter.runtime.weights import StoredWeights

RATE = "learning_rate"

IN_LOSS, IN_OPTIMIZER, IN_WEIGHTS = "loss", "optimizer", "weights"
"""Where users' learning rates have their place, as an optimizer's kernels take one rate only.

A step is in proportion to the rate, by all forms of `converter.arithmetic`. Gradient descent is in
proportion to the gradient too, so its rates become factors of the losses. Adam is not: either its
users have one rate, or the optimizer moves, with a rate of 1, what is multiplied by each user's
rate and added to the first weights.
"""

BEST_BYTES = 4 << 20
"""Of one block: what stays in a processor's cache between the operations of a step."""

MOST_USERS = 256
MOST_USER_BY_USER = 8
"""A layer that runs for one user after the other stands in the graph as many times."""

SLOTS = {"adamOptimizer": 2, "sgdOptimizer": 1}
"""Arrays as large as the weights that an optimizer remembers."""


@dataclass(frozen=True)
class Part:
    """Users that are computed together: their settings differ in rate, seed and shuffling only.

    Attributes:
        places: the user in each place of the block, and the last one again in those left over.
        count: how many users there are.
        settings: those of the first.
        rates: the learning rate in each place.
    """

    places: Sequence[int]
    count: int
    settings: Settings
    rates: Floats

    @property
    def users(self) -> Sequence[int]:
        """The users, without those that only fill the block up."""
        return self.places[: self.count]

    @property
    def rate_in(self) -> str:
        """Where the learning rates of a block like this have their place."""
        if self.settings.optimizer == "sgdOptimizer":
            return IN_LOSS
        return IN_WEIGHTS if np.any(self.rates != self.rates[0]) else IN_OPTIMIZER

    @property
    def kind(self) -> object:
        """What a `Block` is built for."""
        return len(self.places), self.rate_in, _kind(self.settings)


def parts(settings: Sequence[Settings], at_once: dict[int, int]) -> Iterator[Part]:
    """Divide users into parts of as many `at_once` as suit the size of their mini-batches.

    Users with the same rate come together where they can: that is fastest.
    """
    kinds: dict[object, list[int]] = {}
    for user, chosen in enumerate(settings):
        kinds.setdefault(_kind(chosen), []).append(user)
    for users in kinds.values():
        users.sort(key=lambda user: settings[user].numbers[RATE])
        most = at_once[settings[users[0]].batch_size]
        room = min(most, 1 << (len(users) - 1).bit_length())
        for start in range(0, len(users), room):
            there = users[start : start + room]
            places = [*there, *[there[-1]] * (room - len(there))]
            rates = np.array([settings[user].numbers[RATE] for user in places], np.float32)
            yield Part(places, len(there), settings[there[0]], rates)


def _kind(settings: Settings) -> object:
    numbers = {name: value for name, value in settings.numbers.items() if name != RATE}
    return settings.optimizer, settings.batch_size, settings.arithmetic, *sorted(numbers.items())


def bytes_per_user(plan: Plan, settings: Settings, pool: Pool) -> int:
    """Return about how much memory each user takes that is computed at once, beside the pool.

    Weights, their gradients and what the optimizer remembers of them; and all blobs of a
    mini-batch with their gradients.
    """
    weights = sum(len(parameter.stored.floatValue) for parameter in plan.parameters)
    arrays = 3 + SLOTS[settings.optimizer]
    return 4 * (arrays * weights + 2 * settings.batch_size * _values_per_sample(plan, pool))


def users_at_once(plan: Plan, settings: Settings, pool: Pool, most_bytes: int) -> int:
    """Return how many users to compute at once: a power of two."""
    of_user = bytes_per_user(plan, settings, pool)
    most = MOST_USER_BY_USER if runs_user_by_user(plan) else MOST_USERS
    found = min(most, max(1, min(BEST_BYTES, most_bytes) // of_user))
    return 1 << (found.bit_length() - 1)


def _values_per_sample(plan: Plan, pool: Pool) -> int:
    """Return how many values the features and the learning layers' blobs of one sample have."""
    with tf.device(CPU):
        blobs = {name: tf.zeros((1, *blob.shape[1:])) for name, blob in pool.blobs.items()}
        made = [name for layer in plan.learning for name in layer.output]
        found = network.run(plan.learning, blobs, StoredWeights(), [*blobs, *made])
    return sum(int(np.prod(blob.shape[1:])) for blob in found.values())
