"""Which users are computed together, and how many at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from converter.coreml.mlmodel import Floats
from converter.runtime import network
from converter.runtime.backend import CPU, Tensor, tf
from converter.runtime.plan import Plan
from converter.runtime.settings import Settings
from converter.runtime.stacked.by_samples import can_hold, lowest
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


@dataclass(frozen=True)
class Part:
    """Users that are computed together: their settings differ in rate, seed and shuffling only.

    Attributes:
        places: the user in each place of the block, and the last one again in those left over.
        count: how many users there are.
        settings: those of the first.
        rates: the learning rate in each place.
        samples: how many of each user matrices are held by: see `by_samples`; 0 if they are not.
    """

    places: Sequence[int]
    count: int
    settings: Settings
    rates: Floats
    samples: int

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
        return len(self.places), self.rate_in, self.samples, _kind(self.settings)


def parts(
    plan: Plan, settings: Sequence[Settings], pool: Pool, samples: int, most_bytes: int
) -> Iterator[Part]:
    """Divide users, each with so many `samples`, into parts that fit into `most_bytes`.

    Users with the same rate come together where they can: that is fastest.
    """
    kinds: dict[object, list[int]] = {}
    for user, chosen in enumerate(settings):
        kinds.setdefault(_kind(chosen), []).append(user)
    for users in kinds.values():
        users.sort(key=lambda user: settings[user].numbers[RATE])
        first = settings[users[0]]
        held = samples if can_hold(plan, first, samples) else 0
        most = Need(plan, first, pool, held).users_at_once(most_bytes)
        room = min(most, 1 << (len(users) - 1).bit_length())
        for start in range(0, len(users), room):
            there = users[start : start + room]
            places = [*there, *[there[-1]] * (room - len(there))]
            rates = np.array([settings[user].numbers[RATE] for user in places], np.float32)
            yield Part(places, len(there), settings[there[0]], rates, held)


def _kind(settings: Settings) -> object:
    numbers = {name: value for name, value in settings.numbers.items() if name != RATE}
    return settings.optimizer, settings.batch_size, settings.arithmetic, *sorted(numbers.items())


class Need:
    """How much memory each user takes that is computed at once, beside the pool.

    While learning, that is the weights, their gradients, and what the optimizer remembers of them,
    and all blobs of a mini-batch with their gradients. Of matrices that are held by `samples` (see
    `by_samples`) there are their products besides, and when the user is tested the weights.
    """

    def __init__(self, plan: Plan, settings: Settings, pool: Pool, samples: int) -> None:
        self._user_by_user = runs_user_by_user(plan)
        counts = {p.key: len(p.stored.floatValue) for p in plan.parameters}
        learnt, besides = sum(counts.values()), 0
        for layer in lowest(plan) if samples else ():
            params = layer.message.innerProduct
            inputs, outputs = int(params.inputChannels), int(params.outputChannels)
            learnt += (samples - inputs) * outputs
            besides += samples * (samples + outputs + inputs) + 2 * inputs * outputs
        arrays = 2 + _remembered(settings)
        self.learning = 4 * (arrays * learnt + settings.batch_size * _values_per_sample(plan, pool))
        self.bytes = self.learning + 4 * besides

    def users_at_once(self, most_bytes: int) -> int:
        """Return how many users to compute at once: a power of two."""
        most = MOST_USER_BY_USER if self._user_by_user else MOST_USERS
        fast, fitting = BEST_BYTES // self.learning, most_bytes // self.bytes
        return 1 << (max(1, min(most, fast, fitting)).bit_length() - 1)


def _remembered(settings: Settings) -> int:
    """Return how many arrays as large as the weights the optimizer remembers."""
    return 2 if settings.optimizer == "adamOptimizer" else int(settings.numbers["momentum"] > 0)


def _values_per_sample(plan: Plan, pool: Pool) -> int:
    """Return how many values the features, other blobs and their gradients of a sample have."""
    with tf.device(CPU):
        blobs = {name: tf.zeros((1, *blob.shape[1:])) for name, blob in pool.blobs.items()}
        made = [name for layer in plan.learning for name in layer.output]
        found = network.run(plan.learning, blobs, StoredWeights(), made)
    features, others = (sum(map(_size, part.values())) for part in (blobs, found))
    return features + 2 * others


def _size(blob: Tensor) -> int:
    return math.prod(blob.shape[1:])
