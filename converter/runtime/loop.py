"""Going through samples mini-batch by mini-batch, many of them in each call of one graph."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from converter.arithmetic import KERAS, Arithmetic
from converter.backend.tensorflow import tensor
from converter.coreml.mlmodel import CROSS_ENTROPY, Floats
from converter.errors import TrainingError
from converter.runtime import network
from converter.runtime.backend import CPU, Array, Integers, Tensor, any_number_of, tf
from converter.runtime.losses import LOSSES, hits
from converter.runtime.network import Weights
from converter.runtime.plan import Plan
from converter.runtime.rewrite import relu_after_pooling
from converter.runtime.sources import Source
from converter.runtime.strands import divided, joined

SECONDS_PER_CALL = 0.3
"""As many mini-batches go into one call of the graph as take about this long: progress is shown
and ^C is heard in between."""

MOST_SAMPLES = 2**30
"""In a mini-batch: they are counted in 32 bits."""

MOST_BYTES_PER_CALL = 8 << 20

MOST_GROWTH = 8
"""Times as many mini-batches as before; how long a few take is not known well."""

DIVERGED = "the loss is no longer a number; nothing was written; try a lower learning rate"

Step: TypeAlias = Callable[[Mapping[str, Tensor], Tensor], tuple[Tensor, Tensor]]
"""Blobs and targets of one mini-batch to its loss and the number of hits."""

Scoring: TypeAlias = Callable[[Mapping[str, Tensor], Tensor], tuple[Tensor, Tensor]]
"""Blobs and targets of one mini-batch to the loss of each sample and the number of hits."""


@dataclass(frozen=True)
class Score:
    """Mean loss over samples, and the share whose class came out on top.

    None is the accuracy of values, and the loss of nearest neighbours.
    """

    loss: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Pass:
    """One pass over samples: the losses of its mini-batches, their sizes, and the share of hits."""

    losses: Floats
    sizes: Integers
    accuracy: float


def scoring(
    plan: Plan, weights: Weights, in_strands: bool = False, arithmetic: Arithmetic = KERAS
) -> Scoring:
    """Return what computes the losses of samples, and changes nothing.

    `in_strands` lets it go through parts of the mini-batch side by side.
    """
    wanted = plan.loss_blob
    losses_of = LOSSES[plan.loss, arithmetic.reduction(plan.loss == CROSS_ENTROPY).outputs]
    layers = relu_after_pooling(plan.learning, [wanted])

    def step(blobs: Mapping[str, Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        def of(part: Mapping[str, Tensor]) -> Tensor:
            return network.run(layers, dict(part), weights, [wanted])[wanted]

        if in_strands:
            total = tf.shape(targets)[0]
            blob = joined([of(part) for part in divided(blobs, total)], total)
        else:
            blob = of(blobs)
        losses = losses_of(blob, targets)
        right = hits(blob, targets) if plan.loss == CROSS_ENTROPY else tf.constant(0.0)
        return losses, tf.reduce_sum(right)

    return step


def averaged(losses_of: Scoring) -> Step:
    """Return the step that tells the mean loss of a mini-batch, and changes nothing."""

    def step(blobs: Mapping[str, Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        losses, right = losses_of(blobs, targets)
        return tf.reduce_mean(losses), right

    return step


class Loop:
    """Repeats a step over samples; `size` samples each, the last perhaps fewer."""

    def __init__(self, step: Step, size: int) -> None:
        self._step, self._size = step, min(size, MOST_SAMPLES)
        self._graph: Callable[..., tuple[Tensor, Tensor]] | None = None

    def through(
        self,
        source: Source,
        targets: Array,
        order: Integers,
        on_progress: Callable[[int], None] = lambda done: None,
    ) -> Pass:
        """Go through the samples in `order`.

        `on_progress` hears of the number of samples done.

        Raises:
            TrainingError: the loss is no longer a number.
        """
        done, right, batches, found = 0, 0.0, 1, list[Floats]()
        with ThreadPoolExecutor(1) as reader:  # reads ahead while the graph computes
            chosen = order[: self._size]
            read = reader.submit(source.take, chosen)
            while len(chosen):
                blobs, current = read.result(), chosen
                done += len(current)
                chosen = order[done : done + batches * self._size]
                if len(chosen):
                    read = reader.submit(source.take, chosen)
                started = time.perf_counter()
                losses, hit_count = self._call(blobs, targets[current])
                if not np.isfinite(losses).all():
                    raise TrainingError(DIVERGED)
                found.append(losses)
                right += hit_count
                on_progress(done)
                count = math.ceil(len(current) / self._size)
                batches = _next_count(count, time.perf_counter() - started, blobs)
        losses = np.concatenate(found)
        sizes = np.full(len(losses), self._size)
        sizes[-1] = len(order) - self._size * (len(losses) - 1)
        return Pass(losses, sizes, right / len(order))

    def _call(self, blobs: Mapping[str, Array], targets: Array) -> tuple[Floats, float]:
        """Run mini-batches in one call of the graph; return their losses and the sum of hits."""
        with tf.device(CPU):
            tensors = {name: tensor(blob) for name, blob in blobs.items()}
            labels = tf.constant(targets)
            if self._graph is None:
                self._graph = self._built(tensors, labels)
            with network.refusing("the network"):
                losses, right = self._graph(tensors, labels)
        return losses.numpy(), float(right)

    def _built(
        self, blobs: Mapping[str, Tensor], targets: Tensor
    ) -> Callable[..., tuple[Tensor, Tensor]]:
        """Return the graph for blobs and targets like these, of any number of samples."""
        specs = {name: any_number_of(blob) for name, blob in blobs.items()}
        function = tf.function(self._repeated, autograph=False)
        graph = function.get_concrete_function(specs, any_number_of(targets))
        built: Callable[..., tuple[Tensor, Tensor]] = graph
        return built

    def _repeated(self, blobs: Mapping[str, Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        total = tf.shape(targets)[0]
        count = (total + self._size - 1) // self._size

        def step(number: Tensor, losses: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            start = number * self._size
            end = start + self._size
            part = {name: blob[start:end] for name, blob in blobs.items()}
            loss, hit_count = self._step(part, targets[start:end])
            return number + 1, losses.write(number, loss), right + hit_count

        nothing = tf.constant(0), tf.TensorArray(tf.float32, count), tf.constant(0.0)
        _, losses, right = tf.while_loop(lambda number, *_: number < count, step, nothing)
        return losses.stack(), right


def _next_count(count: int, seconds: float, blobs: Mapping[str, Array]) -> int:
    """Return how many mini-batches to compute next, after `count` with `blobs` took `seconds`."""
    size = sum(blob.nbytes for blob in blobs.values())
    growth = min(SECONDS_PER_CALL / seconds, MOST_BYTES_PER_CALL / size, MOST_GROWTH)
    return max(1, int(count * growth))
