"""Going through samples mini-batch by mini-batch, many of them in each call of one graph."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from converter.backend.tensorflow import tensor
from converter.coreml.mlmodel import CROSS_ENTROPY
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
"""Blobs and targets of one mini-batch to the loss of each sample and the number of hits."""


@dataclass(frozen=True)
class Score:
    """Mean loss over samples, and the share whose class came out on top (None for values)."""

    loss: float
    accuracy: float | None


def scoring(plan: Plan, weights: Weights, in_strands: bool = False) -> Step:
    """Return the step that computes the loss, and changes nothing.

    `in_strands` lets it go through parts of the mini-batch side by side.
    """
    wanted = plan.loss_blob
    layers = relu_after_pooling(plan.learning, [wanted])

    def step(blobs: Mapping[str, Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
        def of(part: Mapping[str, Tensor]) -> Tensor:
            return network.run(layers, dict(part), weights, [wanted])[wanted]

        if in_strands:
            total = tf.shape(targets)[0]
            blob = joined([of(part) for part in divided(blobs, total)], total)
        else:
            blob = of(blobs)
        losses = LOSSES[plan.loss](blob, targets)
        return losses, hits(blob, targets) if plan.loss == CROSS_ENTROPY else tf.constant(0.0)

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
    ) -> tuple[float, float]:
        """Go through the samples in `order`; return mean loss and share of hits.

        `on_progress` hears of the number of samples done.

        Raises:
            TrainingError: the loss is no longer a number.
        """
        done, loss, right, batches = 0, 0.0, 0.0, 1
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
                if not math.isfinite(losses):
                    raise TrainingError(DIVERGED)
                loss, right = loss + losses, right + hit_count
                on_progress(done)
                count = math.ceil(len(current) / self._size)
                batches = _next_count(count, time.perf_counter() - started, blobs)
        return loss / len(order), right / len(order)

    def _call(self, blobs: Mapping[str, Array], targets: Array) -> tuple[float, float]:
        """Run mini-batches in one call of the graph; return the sums of losses and hits."""
        with tf.device(CPU):
            tensors = {name: tensor(blob) for name, blob in blobs.items()}
            labels = tf.constant(targets)
            if self._graph is None:
                self._graph = self._built(tensors, labels)
            with network.refusing("the network"):
                loss, right = self._graph(tensors, labels)
        return float(loss), float(right)

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

        def step(start: Tensor, loss: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            end = start + self._size
            part = {name: blob[start:end] for name, blob in blobs.items()}
            losses, hit_count = self._step(part, targets[start:end])
            return end, loss + tf.reduce_sum(losses), right + hit_count

        nothing = tf.constant(0), tf.constant(0.0), tf.constant(0.0)
        _, loss, right = tf.while_loop(lambda start, *_: start < total, step, nothing)
        return loss, right


def _next_count(count: int, seconds: float, blobs: Mapping[str, Array]) -> int:
    """Return how many mini-batches to compute next, after `count` with `blobs` took `seconds`."""
    size = sum(blob.nbytes for blob in blobs.values())
    growth = min(SECONDS_PER_CALL / seconds, MOST_BYTES_PER_CALL / size, MOST_GROWTH)
    return max(1, int(count * growth))
