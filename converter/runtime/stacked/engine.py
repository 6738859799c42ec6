"""Many users' trainings of one model, and how well each answers after some of the epochs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

import numpy as np

from converter.coreml.mlmodel import CROSS_ENTROPY, Floats
from converter.errors import TrainingError, UsageError
from converter.runtime.backend import Array, Integers, Tensor
from converter.runtime.batches import batches
from converter.runtime.layers.normalization import is_by_batch
from converter.runtime.plan import Plan
from converter.runtime.settings import Settings
from converter.runtime.stacked.block import Block
from converter.runtime.stacked.by_samples import can_hold
from converter.runtime.stacked.checks import ADAPTATION, check
from converter.runtime.stacked.division import Need, Part, parts
from converter.runtime.stacked.given import Given
from converter.runtime.stacked.layers import Key
from converter.runtime.stacked.pool import Pool, Rows


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
    weights: Mapping[Key, Floats]


class Engine:
    """Trains the learning layers of `plan` for many users; the model itself never changes.

    Every user has weights of their own, which begin as the model's. What a user gets is what
    `converter.runtime.train` computes with the same settings, samples and order. Users are
    computed in blocks, as many at once as are fastest and fit into `most_bytes`; `threads` blocks
    side by side, each of which needs one core. Graphs are kept: an engine that is asked again does
    not build them again.

    Raises:
        TrainingError: what a layer makes of a user's sample depends on those of others.
        UsageError: there is no memory, or no thread.
    """

    def __init__(self, plan: Plan, most_bytes: int = 1 << 30, threads: int = 1) -> None:
        for layer in plan.learning:
            if is_by_batch(layer.message):
                raise TrainingError(
                    f"{layer}: normalizes by the mean of the samples computed at once, so users "
                    "cannot be trained together; choose a layer behind it as the lowest that learns"
                )
        if most_bytes < 1 or threads < 1:
            raise UsageError(f"{threads} threads in {most_bytes} bytes: both must be 1 or more")
        self.plan, self.most_bytes, self.threads = plan, most_bytes, threads
        self._idle: dict[object, list[Block]] = {}
        self._lock = Lock()

    def bytes_per_user(self, settings: Settings, pool: Pool, samples: int) -> int:
        """Return about how much memory a user with so many `samples` takes, beside the `pool`.

        Only users that are computed at once take it.
        """
        held = samples if can_hold(self.plan, settings, samples) else 0
        return Need(self.plan, settings, pool, held).bytes

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
                in no more than learning rate, seed and shuffling are computed together. Their
                number of epochs does not count.
            epochs: after which to test, ascending; 0 is before the first.
            tests: what else to test with, by name: a set for each user, or one for all.
            keep_weights: whether to return the weights of every user.

        Raises:
            UsageError: the epochs do not ascend, or there are not as many settings as users.
            DataError: rows are none of the pool, or there are no users or no samples.
            TrainingError: nothing is left of an epoch, as the arithmetic drops a mini-batch that is
                not full; or it fills up with a sample of zeros, which the pool lacks.
            ModelFileError: the network cannot be run.
        """
        check(adaptation, settings, epochs, tests or {})
        task = _Task(adaptation, settings, tuple(epochs), tests or {}, keep_weights)

        def run(part: Part) -> None:
            with self._block(part) as block:
                task.run(part, block)

        samples, most = task.samples_per_user, self.most_bytes // self.threads
        divided = parts(self.plan, settings, adaptation.pool, samples, most)
        with ThreadPoolExecutor(self.threads) as workers:
            list(workers.map(run, divided))
        return task.outcome(has_classes=self.plan.loss == CROSS_ENTROPY)

    @contextmanager
    def _block(self, part: Part) -> Iterator[Block]:
        """Give a block for `part` that nobody else uses: one that is idle, or a new one."""
        with self._lock:
            idle = self._idle.get(part.kind)
            block = idle.pop() if idle else None
        block = block or Block(self.plan, part)
        yield block
        block.end()
        with self._lock:
            kept = sum(other.bytes for blocks in self._idle.values() for other in blocks)
            if kept + block.bytes > self.most_bytes:
                self._idle.clear()
            self._idle.setdefault(part.kind, []).append(block)


class _Task:
    """What is asked of an engine at once, and what is known of it so far."""

    def __init__(
        self,
        adaptation: Rows,
        settings: Sequence[Settings],
        epochs: tuple[int, ...],
        tests: Mapping[str, Rows],
        keep_weights: bool,
    ) -> None:
        self._settings, self._epochs, self._keep_weights = settings, epochs, keep_weights
        zeros, rows = adaptation.pool.zeros, adaptation.rows
        if zeros is not None:
            rows = np.append(rows, np.full((len(rows), 1), zeros), axis=1)
        self._total, self._samples = adaptation.rows.shape[1], Given.of(adaptation.pool, rows)
        sets = {ADAPTATION: adaptation, **tests}
        self._sets = {
            name: Given.of(one.pool, np.atleast_2d(one.rows)) for name, one in sets.items()
        }
        shape = (len(settings), len(epochs))
        self._losses = {name: np.full(shape, np.nan, np.float32) for name in sets}
        self._shares = {name: np.full(shape, np.nan, np.float32) for name in sets}
        self._weights: dict[Key, Floats] = {}
        self._lock = Lock()

    @property
    def samples_per_user(self) -> int:
        """How many samples a user learns from, one of zeros included if there is one."""
        return int(self._samples.rows.shape[1])

    def run(self, part: Part, block: Block) -> None:
        """Train the users of `part` in `block`, and note how well they answer."""
        block.begin(self._samples.of_users(part.places), part.rates)
        are_alive = np.ones(len(part.places), bool)
        for epoch in range(self._epochs[-1] + 1):
            if epoch:
                are_alive &= block.epoch(self._order(part, epoch))
            if epoch in self._epochs:
                weights = block.weights()
                self._score(part, block, weights, self._epochs.index(epoch), are_alive)
        if self._keep_weights:
            self._keep(part, block.stored(weights))

    def outcome(self, has_classes: bool) -> Outcome:
        """Return what is known of all users."""
        shares = self._shares if has_classes else {}
        return Outcome(self._epochs, self._losses, shares, self._weights)

    def _score(
        self, part: Part, block: Block, weights: Sequence[Tensor], column: int, are_alive: Array
    ) -> None:
        for name, tested in self._sets.items():
            losses, shares = block.score(tested.of_users(part.places), weights)
            are_numbers = are_alive & np.isfinite(losses)
            losses, shares = (np.where(are_numbers, found, np.nan) for found in (losses, shares))
            self._losses[name][part.users, column] = losses[: part.count]
            self._shares[name][part.users, column] = shares[: part.count]

    def _keep(self, part: Part, stored: Mapping[Key, Floats]) -> None:
        for key, values in stored.items():
            with self._lock:
                shape = (len(self._settings), values.shape[1])
                room = self._weights.setdefault(key, np.empty(shape, np.float32))
            room[part.users] = values[: part.count]

    def _order(self, part: Part, epoch: int) -> Integers:
        """Return which of its samples each user learns from in `epoch`, in this order."""
        known: dict[object, Integers] = {}
        for user in part.users:
            chosen = self._settings[user]
            if (key := (chosen.seed, chosen.shuffle)) not in known:
                known[key] = batches(chosen, epoch, self._total)
        every = (self._settings[user] for user in part.places)
        return np.stack([known[chosen.seed, chosen.shuffle] for chosen in every])
