"""A study, from its models and users to the results in its store."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from converter.coreml import mlmodel
from converter.data import Reading
from converter.errors import UsageError
from converter.studies.candidates import Candidate, candidates
from converter.studies.model import Study
from converter.studies.people import User
from converter.studies.store import Result, Store
from converter.studies.trials import Trial, trials
from converter.studies.users import Population, population
from converter.studies.work import Size, Task, examined

if TYPE_CHECKING:
    from converter.studies.cluster import Where

BLOCK = 64
"""Users that are computed together, at most."""

LEAST_BLOCKS = 16
"""Blocks that there are at least, if there are as many users, so that several workers share them.
How users are divided does not depend on the workers: it would change the last digits of results."""

OVERHEAD = 700 * 10**6
"""Bytes of a worker that are not users': TensorFlow, the models, the common data."""


@dataclass(frozen=True)
class Prepared:
    """A study that has been looked at: nothing of it is wrong, and nothing is computed yet.

    `user_bytes` are what a user's samples take where they are computed with.
    """

    study: Study
    models: Sequence[Candidate]
    trials: Sequence[Trial]
    population: Population
    task: Task
    user_bytes: int

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Model and setting of every training of a user with one seed."""
        return [
            (self.models[trial.model].key, key)
            for size in self.task.sizes
            for trial, key in zip(self.trials, size.keys, strict=True)
        ]

    @property
    def per_user(self) -> int:
        """How many results there are of each user."""
        return len(self.keys) * len(self.study.seeds)

    @property
    def blocks(self) -> list[range]:
        """The numbers of the users that are computed together."""
        total = len(self.population)
        size = min(BLOCK, math.ceil(total / LEAST_BLOCKS), self.task.most_bytes // self.user_bytes)
        size = max(1, size)
        return [range(i, min(i + size, total)) for i in range(0, total, size)]


def prepare(study: Study, most_bytes: int | None = None) -> Prepared:
    """Read the models and users of `study`; `most_bytes` are what a worker may take.

    Raises:
        MakeUpdatableError: a model or the data cannot be read, or they do not fit each other.
    """
    models = candidates(study)
    tried = trials(study, models)
    users = population(study, models[0].spec)
    if users.test is None and "forgetting" in study.goal.model_fields_set:
        raise UsageError(
            "goal.forgetting: there is no data set that all share to measure it; give common"
        )
    sizes = [
        Size(count, [trial.key(count, study, users.test_key) for trial in tried])
        for count in sorted(study.samples)
    ]
    room = {} if most_bytes is None else {"most_bytes": max(most_bytes - OVERHEAD, 1) // 2}
    task = Task(
        [(mlmodel.serialize(model.spec), model.key) for model in models],
        Reading(study.layout, study.scale), tried, sizes, study.test_samples, study.seeds,
        users.common, users.test, **room,
    )  # fmt: skip
    sample, answers = users.sample(), users.answers()
    largest = max(examined(model.spec, sample, answers, task.how) for model in models)
    user_bytes = largest * max(study.needed, users.most_samples)
    return Prepared(study, models, tried, users, task, user_bytes)


@dataclass(frozen=True)
class Pace:
    """How far a study is: users that are done, of them in this run, and seconds of this run."""

    done: int
    total: int
    new: int
    seconds: float

    @property
    def rate(self) -> float:
        """Users a second."""
        return self.new / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> float | None:
        """Seconds left, None if nothing tells."""
        return (self.total - self.done) / self.rate if self.rate else None


def run(
    prepared: Prepared,
    store: Store,
    compute: Callable[[Task, Iterator[Sequence[User]]], Iterator[list[Result]]],
    on_progress: Callable[[Pace], None] = lambda pace: None,
) -> Pace:
    """Compute what `store` lacks of a study, and keep the results of each block when it is done.

    `compute` yields the results of blocks of users, in any order. A block of which anything is
    missing is computed as a whole, so that it makes no difference where a study was interrupted.

    Raises:
        OutputError: the store cannot be written.
    """
    known = store.counts(prepared.keys, prepared.study.seeds)
    people, total = prepared.population, len(prepared.population)
    lacking = [
        block for block in prepared.blocks
        if any(known.get(people.keys[i], 0) < prepared.per_user for i in block)
    ]  # fmt: skip
    before = total - sum(map(len, lacking))
    started, new = time.perf_counter(), 0
    on_progress(Pace(before, total, 0, 0.0))
    if lacking:
        blocks = ([people.user(i) for i in block] for block in lacking)
        for results in compute(prepared.task, blocks):
            store.add(results)
            new += len({result.user for result in results})
            on_progress(Pace(before + new, total, new, time.perf_counter() - started))
    return Pace(before + new, total, new, time.perf_counter() - started)


def run_on(
    prepared: Prepared,
    store: Store,
    where: Where,
    on_progress: Callable[[Pace], None] = lambda pace: None,
) -> Pace:
    """Compute what `store` lacks of a study with Dask, `where` it is to be done.

    Raises:
        MakeUpdatableError: the scheduler cannot be reached, a block cannot be computed, or the
            store cannot be written.
    """
    from converter.studies import cluster

    def compute(task: Task, blocks: Iterator[Sequence[User]]) -> Iterator[list[Result]]:
        with cluster.connected(where) as client:
            yield from cluster.computed(client, name_of(prepared), task, blocks)

    return run(prepared, store, compute, on_progress)


def name_of(prepared: Prepared) -> str:
    """Return a name of the study, by which a worker knows which one a block is of."""
    told = repr((prepared.keys, prepared.study.seeds, time.time_ns()))
    return hashlib.sha256(told.encode()).hexdigest()[:16]
