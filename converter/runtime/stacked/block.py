"""A block of users: their weights as stacked variables, and the graphs that train and test them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from converter.coreml.mlmodel import CROSS_ENTROPY, Floats
from converter.runtime import network
from converter.runtime.backend import CPU, Array, Integers, Tensor, any_number_of, tf
from converter.runtime.layers.shape import flat
from converter.runtime.losses import LOSSES, hits, minimised
from converter.runtime.optimizers import optimizer
from converter.runtime.plan import Plan
from converter.runtime.stacked.by_samples import Products, lowest, products, weights
from converter.runtime.stacked.division import (
    IN_LOSS,
    IN_OPTIMIZER,
    IN_WEIGHTS,
    RATE,
    Part,
)
from converter.runtime.stacked.given import Blobs, Given
from converter.runtime.stacked.layers import Key, StackedLayers

BYTES_AT_ONCE = 2 << 20
"""Of features, when users are tested: more would no longer fit in a processor's cache."""

Graph: TypeAlias = Callable[..., Any]


class Block:
    """As many users as a part has places, who learn by its settings, but each at their own rate.

    It serves other parts of the same kind too, one after the other: `begin` starts anew.
    """

    def __init__(self, plan: Plan, part: Part) -> None:
        settings, self._rate_in, self._samples = part.settings, part.rate_in, part.samples
        self.users, self._size = len(part.places), settings.batch_size
        self._layers = StackedLayers(plan, self.users)
        held = lowest(plan) if part.samples else []
        self._read = {(layer.name, "weights"): layer.input[0] for layer in held}
        with tf.device(CPU):
            self._start = {own.key: tf.constant(own.start) for own in self._layers.own}
            self._variables = {key: tf.Variable(self._first(key)) for key in self._start}
            self._rates = tf.Variable(tf.zeros(() if part.rate_in == IN_OPTIMIZER else self.users))
            rate = self._rates if part.rate_in == IN_OPTIMIZER else 1.0
            numbers = {**settings.numbers, RATE: rate}
            self._optimizer = optimizer(
                replace(settings, numbers=numbers), list(self._variables.values())
            )
        self._is_classifier, arithmetic = plan.loss == CROSS_ENTROPY, settings.arithmetic
        self._minimised = minimised(plan.loss, arithmetic, settings.batch_size)
        self._learnt_loss = LOSSES[plan.loss, arithmetic.reduction(self._is_classifier).outputs]
        self._told_loss = LOSSES[plan.loss, "sum" if self._is_classifier else "mean"]
        self._graphs: dict[object, Graph] = {}

    def begin(self, given: Given, rates: Floats) -> None:
        """Give every user the weights of the model, samples to learn from and a learning rate.

        The samples are ``[users, n]``, the rates ``[users]``.
        """
        self._given = given
        with tf.device(CPU):
            for key, variable in self._variables.items():
                variable.assign(self._first(key))
            for slot in self._optimizer.slots:
                slot.assign(tf.zeros_like(slot))
            self._rates.assign(rates[0] if self._rate_in == IN_OPTIMIZER else rates)
        self._products = self._call(self._made_products, given) if self._read else {}

    def end(self) -> None:
        """Let go of the samples."""
        del self._given, self._products

    @property
    def bytes(self) -> int:
        """How much memory the block takes while it is idle."""
        held = [*self._variables.values(), *self._optimizer.slots]
        return sum(4 * math.prod(variable.shape) for variable in held)

    def epoch(self, places: Integers) -> Array:
        """Go through an epoch, one step per mini-batch.

        `places` say where, among a user's samples, those stand that are learnt from: in this order,
        ``[users, m]``. Returns whether each loss of a user has been a number, ``[users]``.
        """
        with tf.device(CPU):
            ordered = tf.constant(places, tf.int32)
        found: Array = self._call(self._epoch, self._given, ordered, self._products).numpy()
        return found

    def weights(self) -> list[Tensor]:
        """Return the weights as they are, ``[users, ...]`` for each parameter."""
        found: list[Tensor] = self._call(self._made_weights, self._given)
        return found

    def stored(self, weights: Sequence[Tensor]) -> dict[Key, Floats]:
        """Return `weights` by layer and field, ``[users, values]`` in the order of the file."""
        pairs = zip(self._layers.own, weights, strict=True)
        return {own.key: own.stored(values.numpy()) for own, values in pairs}

    def score(self, tested: Given, weights: Sequence[Tensor]) -> tuple[Floats, Floats]:
        """Return each user's mean loss and share of hits with these weights.

        The rows may be ``[1, n]``, the same for all users.
        """
        rows = tested.rows
        if not self._layers.can_share:
            tested = replace(tested, rows=np.broadcast_to(rows, (self.users, rows.shape[1])))
        losses, right = self._call(self._scores, tested, weights)
        counts = np.sum(rows >= 0, axis=1)
        return losses.numpy() / counts, right.numpy() / counts

    def _first(self, key: Key) -> Tensor:
        """Return what a variable begins as."""
        start = self._start[key]
        if key in self._read:
            outputs = start.shape[0 if self._layers.is_stored(key) else 1]
            return tf.zeros((self.users, self._samples, outputs))
        shape = (self.users, *start.shape)
        return tf.zeros(shape) if self._rate_in == IN_WEIGHTS else tf.broadcast_to(start, shape)

    def _call(self, function: Graph, given: Given, *others: Any) -> Any:
        """Run a graph, which is built once for any number of samples."""
        with tf.device(CPU), network.refusing("the network"):
            rows = tf.constant(given.rows, tf.int32)
            arguments = given.blobs, given.answers, rows, *others
            key = function.__name__, len(given.rows)
            if key not in self._graphs:
                pool = tf.nest.map_structure(any_number_of, arguments[:2])
                specs = tf.nest.map_structure(_spec, arguments[2:])
                graph = tf.function(function, autograph=False)
                self._graphs[key] = graph.get_concrete_function(*pool, *specs)
            return self._graphs[key](*arguments)

    def _features(self, key: Key, blobs: Blobs, rows: Tensor) -> Tensor:
        """Return what the layer reads of the samples `rows`, ``[users, n, in]``."""
        x = flat(tf.gather(blobs[self._read[key]], tf.reshape(rows, (-1,))))
        return tf.reshape(x, (self.users, self._samples, -1))

    def _made_products(self, blobs: Blobs, answers: Tensor, rows: Tensor) -> dict[str, Products]:
        """Return, of each layer held by samples, what its answers are made of."""
        return {
            key[0]: products(
                self._features(key, blobs, rows), self._start[key], self._layers.is_stored(key)
            )
            for key in self._read
        }

    def _made_weights(self, blobs: Blobs, answers: Tensor, rows: Tensor) -> list[Tensor]:
        found = []
        for key, variable in self._variables.items():
            start, is_stored = self._start[key], self._layers.is_stored(key)
            if key in self._read:
                x = self._features(key, blobs, rows)
                found.append(weights(x, start, variable, is_stored))
            else:
                found.append(self._weight(key))
        return found

    def _weight(self, key: Key) -> Tensor:
        """Return the weights that a variable stands for; as it is, where it is held by samples."""
        variable = self._variables[key]
        if self._rate_in != IN_WEIGHTS:
            return variable.read_value()
        added = self._rates[:, None] * tf.reshape(variable, (self.users, -1))
        first = tf.reshape(self._start[key], (1, -1))
        return tf.reshape(first + added, variable.shape)

    def _epoch(
        self,
        blobs: Blobs,
        answers: Tensor,
        rows: Tensor,
        places: Tensor,
        known: Mapping[str, Products],
    ) -> Tensor:
        self._optimizer.new_epoch()
        total = tf.shape(places)[1]

        def step(start: Tensor, are_numbers: Tensor) -> tuple[Tensor, Tensor]:
            part = places[:, start : start + self._size]
            chosen = tf.reshape(tf.gather(rows, part, batch_dims=1), (-1,))
            found = {} if known else _gathered(blobs, chosen)
            losses = self._step(found, tf.gather(answers, chosen), part, known)
            return start + self._size, are_numbers & tf.math.is_finite(losses)

        begin = tf.constant(0), tf.ones(self.users, tf.bool)
        return tf.while_loop(lambda start, _: start < total, step, begin)[1]

    def _step(
        self, blobs: Blobs, answers: Tensor, places: Tensor, known: Mapping[str, Products]
    ) -> Tensor:
        """Move all weights by one mini-batch of each user; return the losses ``[users]``.

        The sum over users of their losses gives each user's weights the gradient of their own.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            values = {key: self._weight(key) for key in self._variables}
            tape.watch(values)
            made = {name: of.answers(values[name, "weights"], places) for name, of in known.items()}
            blob = self._layers.run(blobs, list(values.values()), made)
            losses = tf.reshape(self._learnt_loss(blob, answers), (self.users, -1))
            of_users = self._minimised(losses)
            factors = self._rates if self._rate_in == IN_LOSS else 1.0
            total = tf.reduce_sum(factors * of_users)
        gradients = tape.gradient(total, list(values.values()))
        self._optimizer.apply(list(self._variables.values()), gradients)
        return of_users

    def _scores(
        self, blobs: Blobs, answers: Tensor, rows: Tensor, values: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the sums of losses and hits over the rows that are not -1, both ``[users]``."""
        total, are_shared = tf.shape(rows)[1], rows.shape[0] != self.users
        size = _samples_at_once(blobs, rows.shape[0])

        def step(start: Tensor, losses: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            part = rows[:, start : start + size]
            chosen = tf.reshape(tf.maximum(part, 0), (-1,))
            blob = self._layers.run(_gathered(blobs, chosen), values, are_shared=are_shared)
            expected = tf.gather(answers, chosen)
            if are_shared:
                expected = tf.tile(expected, (self.users, *[1] * (len(expected.shape) - 1)))
            found = self._told_loss(blob, expected)
            hit = hits(blob, expected) if self._is_classifier else tf.zeros_like(found)
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


def _gathered(blobs: Blobs, rows: Tensor) -> dict[str, Tensor]:
    return {name: tf.gather(blob, rows) for name, blob in blobs.items()}


def _samples_at_once(blobs: Blobs, users: int) -> int:
    of_sample = sum(4 * int(np.prod(blob.shape[1:])) for blob in blobs.values())
    return max(8, BYTES_AT_ONCE // (of_sample * users))


def _spec(value: Tensor) -> Tensor:
    """Return the signature of rows ``[users, n]`` of any number, or of exactly such a tensor."""
    return tf.TensorSpec(
        (value.shape[0], None) if value.dtype == tf.int32 else value.shape, value.dtype
    )
