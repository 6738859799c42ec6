"""A block of users: their weights as stacked variables, and the graphs that train and test them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from converter.backend.tensorflow import tensor
from converter.coreml.mlmodel import CROSS_ENTROPY, Floats
from converter.runtime import network
from converter.runtime.backend import CPU, Array, Integers, Tensor, any_number_of, tf
from converter.runtime.losses import LOSSES, hits, minimised
from converter.runtime.optimizers import optimizer
from converter.runtime.plan import Plan
from converter.runtime.settings import Settings
from converter.runtime.stacked.division import IN_LOSS, IN_OPTIMIZER, IN_WEIGHTS, RATE
from converter.runtime.stacked.layers import Key, StackedLayers
from converter.runtime.stacked.pool import Pool, Rows

BYTES_AT_ONCE = 2 << 20
"""Of features, when users are tested: more would no longer fit in a processor's cache."""

Graph: TypeAlias = Callable[..., tuple[Tensor, ...]]


class Block:
    """As many `users` as there is room for, who learn by `settings` but each at their own rate.

    `rate_in` says where the rates have their place: see `converter.runtime.stacked.division`.
    """

    def __init__(self, plan: Plan, settings: Settings, users: int, rate_in: str) -> None:
        self.users, self._rate_in = users, rate_in
        self._plan, self._size = plan, settings.batch_size
        self._layers = StackedLayers(plan, users)
        with tf.device(CPU):
            self._start = [tf.constant(own.start) for own in self._layers.own]
            self._variables = [tf.Variable(self._begin(start)) for start in self._start]
            self._rates = tf.Variable(tf.zeros(() if rate_in == IN_OPTIMIZER else (users,)))
            rate = self._rates if rate_in == IN_OPTIMIZER else 1.0
            numbers = {**settings.numbers, RATE: rate}
            self._optimizer = optimizer(replace(settings, numbers=numbers), self._variables)
        is_classifier, arithmetic = plan.loss == CROSS_ENTROPY, settings.arithmetic
        self._minimised = minimised(plan.loss, arithmetic, settings.batch_size)
        self._learnt_loss = LOSSES[plan.loss, arithmetic.reduction(is_classifier).outputs]
        self._told_loss = LOSSES[plan.loss, "sum" if is_classifier else "mean"]
        self._graphs: dict[object, Graph] = {}

    def begin(self, rates: Floats) -> None:
        """Give every user the weights of the model, and the learning rates ``[users]``."""
        with tf.device(CPU):
            for variable, start in zip(self._variables, self._start, strict=True):
                variable.assign(self._begin(start))
            for slot in self._optimizer.slots:
                slot.assign(tf.zeros_like(slot))
            self._rates.assign(rates[0] if self._rate_in == IN_OPTIMIZER else rates)

    def epoch(self, pool: Pool, rows: Integers) -> Array:
        """Go through an epoch, the samples ``[users, n]`` in this order; one step per mini-batch.

        Returns whether each loss of a user has been a number, ``[users]``.
        """
        (are_numbers,) = self._call("epoch", self._epoch, pool, rows)
        return are_numbers

    def score(self, tested: Rows, users: Sequence[int]) -> tuple[Floats, Floats]:
        """Return mean loss and share of hits of each of `users`, whose weights these are."""
        rows = tested.rows if tested.rows.ndim == 1 else tested.rows[users]
        is_shared = rows.ndim == 1 and self._layers.can_share
        if not is_shared:
            rows = np.broadcast_to(rows, (self.users, rows.shape[-1]))
        graph = self._shared_scores if is_shared else self._scores
        losses, right = self._call("score", graph, tested.pool, np.atleast_2d(rows))
        counts = np.sum(rows >= 0, axis=-1)
        return losses / counts, right / counts

    def weights(self) -> dict[Key, Floats]:
        """Return all weights by layer and field, ``[users, values]`` in the order of the file."""
        with tf.device(CPU):
            values = [value.numpy() for value in self._weights()]
        return {
            own.key: own.stored(value) for own, value in zip(self._layers.own, values, strict=True)
        }

    def _begin(self, start: Tensor) -> Tensor:
        shape = (self.users, *start.shape)
        return tf.zeros(shape) if self._rate_in == IN_WEIGHTS else tf.broadcast_to(start, shape)

    def _weights(self) -> list[Tensor]:
        if self._rate_in != IN_WEIGHTS:
            return [variable.read_value() for variable in self._variables]
        rates = self._rates[:, None]
        return [
            tf.reshape(
                tf.reshape(start, (1, -1)) + rates * tf.reshape(variable, (self.users, -1)),
                variable.shape,
            )
            for start, variable in zip(self._start, self._variables, strict=True)
        ]

    def _call(self, kind: str, graph: Graph, pool: Pool, rows: Integers) -> list[Array]:
        """Run a graph over rows of `pool`; it is built once for blobs of any number of samples."""
        with tf.device(CPU):
            blobs = {name: tensor(blob) for name, blob in pool.blobs.items()}
            given = blobs, tensor(pool.answers), tf.constant(rows, tf.int32)
            key = graph.__name__, len(rows)
            if key not in self._graphs:
                specs = {name: any_number_of(blob) for name, blob in blobs.items()}
                rows_spec = tf.TensorSpec((len(rows), None), tf.int32)
                function = tf.function(graph, autograph=False)
                self._graphs[key] = function.get_concrete_function(
                    specs, any_number_of(given[1]), rows_spec
                )
            with network.refusing("the network"):
                return [found.numpy() for found in self._graphs[key](*given)]

    def _epoch(self, blobs: Mapping[str, Tensor], answers: Tensor, rows: Tensor) -> tuple[Tensor]:
        self._optimizer.new_epoch()
        total = tf.shape(rows)[1]

        def step(start: Tensor, are_numbers: Tensor) -> tuple[Tensor, Tensor]:
            chosen = tf.reshape(rows[:, start : start + self._size], (-1,))
            losses = self._step(_gathered(blobs, chosen), tf.gather(answers, chosen))
            return start + self._size, are_numbers & tf.math.is_finite(losses)

        begin = tf.constant(0), tf.ones(self.users, tf.bool)
        return (tf.while_loop(lambda start, _: start < total, step, begin)[1],)

    def _step(self, blobs: Mapping[str, Tensor], answers: Tensor) -> Tensor:
        """Move all weights by one mini-batch of each user; return the losses ``[users]``.

        The sum over users of their losses gives each user's weights the gradient of their own.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            weights = self._weights()
            tape.watch(weights)
            losses = self._learnt_loss(self._layers.run(blobs, weights), answers)
            of_users = self._minimised(tf.reshape(losses, (self.users, -1)))
            factors = self._rates if self._rate_in == IN_LOSS else 1.0
            total = tf.reduce_sum(factors * of_users)
        self._optimizer.apply(self._variables, tape.gradient(total, weights))
        return of_users

    def _scores(
        self, blobs: Mapping[str, Tensor], answers: Tensor, rows: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self._summed(blobs, answers, rows, are_shared=False)

    def _shared_scores(
        self, blobs: Mapping[str, Tensor], answers: Tensor, rows: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self._summed(blobs, answers, rows, are_shared=True)

    def _summed(
        self, blobs: Mapping[str, Tensor], answers: Tensor, rows: Tensor, are_shared: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the sums of losses and hits over the rows that are not -1, both ``[users]``."""
        weights, total = self._weights(), tf.shape(rows)[1]
        size = _samples_at_once(blobs, 1 if are_shared else self.users)

        def step(start: Tensor, losses: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            part = rows[:, start : start + size]
            chosen = tf.reshape(tf.maximum(part, 0), (-1,))
            blob = self._layers.run(_gathered(blobs, chosen), weights, are_shared)
            expected = tf.gather(answers, chosen)
            if are_shared:
                expected = tf.tile(expected, (self.users, *[1] * (len(expected.shape) - 1)))
            found = self._told_loss(blob, expected)
            hit = hits(blob, expected) if self._plan.loss == CROSS_ENTROPY else tf.zeros_like(found)
            counts = part >= 0
            return (
                start + size,
                losses + self._sum(found, counts),
                right + self._sum(hit, counts),
            )

        begin = tf.constant(0), tf.zeros(self.users), tf.zeros(self.users)
        _, losses, right = tf.while_loop(lambda start, *_: start < total, step, begin)
        return losses, right

    def _sum(self, of_samples: Tensor, counts: Tensor) -> Tensor:
        by_user = tf.reshape(of_samples, (self.users, -1))
        return tf.reduce_sum(tf.where(counts, by_user, 0.0), 1)


def _gathered(blobs: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    return {name: tf.gather(blob, rows) for name, blob in blobs.items()}


def _samples_at_once(blobs: Mapping[str, Tensor], users: int) -> int:
    of_sample = sum(4 * int(np.prod(blob.shape[1:])) for blob in blobs.values())
    return max(8, BYTES_AT_ONCE // (of_sample * users))
