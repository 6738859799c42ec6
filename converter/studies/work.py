"""What is computed of a block of users: every setting of every model, in one go.

A worker is given a `Task` once. A block of users is little: real users' samples as they are
stored, of simulated ones a number. What the frozen layers make of them is computed where it is
needed: of a picture of 784 bytes LeNet's are 4,608, and of one of 224 × 224 pixels MobileNet's
250,880, so that samples are cheaper to send than features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from converter.coreml import mlmodel
from converter.coreml.mlmodel import Message
from converter.data import Reading
from converter.data.arrays import converted
from converter.runtime import ArraySamples, Labelled, Plan, plan
from converter.runtime.backend import Array, Integers
from converter.runtime.sources import source
from converter.runtime.stacked import Engine, Outcome, Pool, Rows, pool
from converter.runtime.targets import targets
from converter.runtime.training import blob_shape
from converter.studies.people import Common, Held, Stored, User
from converter.studies.shifts import chosen, shifted, stream, style
from converter.studies.store import Result, Scores
from converter.studies.trials import Trial

OWN, COMMON = "own", "common"
"""Names of the two tests."""

FROZEN_BATCH = 32
"""Samples that go through the frozen layers at once."""

TESTED_AT_ONCE = 1 << 30
"""Bytes that the engine may take for weights, if nobody says."""


@dataclass(frozen=True)
class Size:
    """A number of samples of each user, and each trial's key for it."""

    samples: int
    keys: Sequence[str]


@dataclass(frozen=True)
class Task:
    """All that a worker needs to know of a study but the users.

    Attributes:
        models: the files' bytes and their keys.
        how: how stored samples are to be understood.
        trials: every setting of every model.
        sizes: every number of samples.
        test_samples: how many each user is tested with.
        seeds: of each, another split and another order.
        common: what simulated users are made of.
        test: the samples that all users share.
        most_bytes: what weights of users may take at once.
    """

    models: Sequence[tuple[bytes, str]]
    how: Reading
    trials: Sequence[Trial]
    sizes: Sequence[Size]
    test_samples: int
    seeds: Sequence[int]
    common: Common | None
    test: Held | None
    most_bytes: int = TESTED_AT_ONCE

    @property
    def needed(self) -> int:
        """How many samples a user needs."""
        return max(size.samples for size in self.sizes) + self.test_samples


@dataclass
class Ready:
    """One model of a task, prepared for the users that come."""

    spec: Message
    key: str
    plan: Plan
    engine: Engine
    test: Pool | None


class Worker:
    """Computes blocks of users of one task."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.models = [self._ready(content, key) for content, key in task.models]

    def run(self, users: Sequence[User]) -> list[Result]:
        """Return the results of `users` with every setting, size and seed."""
        held = [self._samples(user) for user in users]
        columns = {
            name: np.concatenate([each.columns[name] for each in held]) for name in held[0].columns
        }
        whole = Labelled(ArraySamples(columns), np.concatenate([each.y for each in held]))
        starts = np.cumsum([0, *(len(each) for each in held)])
        keys = [user.key for user in users]
        splits = {
            (i, seed): starts[i] + split(keys[i], seed, len(held[i]))
            for i in range(len(users)) for seed in self.task.seeds
        }  # fmt: skip
        found = list[Result]()
        for number, ready in enumerate(self.models):
            border = pool(ready.spec, ready.plan, whole, FROZEN_BATCH)
            for size in self.task.sizes:
                found += self._trained(number, ready, border, size, keys, splits)
        return found

    def _ready(self, content: bytes, key: str) -> Ready:
        spec = mlmodel.Model_pb2.Model.FromString(content)
        chosen_plan = plan(spec)
        test = self.task.test
        shared = None
        if test is not None:
            samples = ArraySamples(as_inputs(spec, test, self.task.how))
            shared = pool(spec, chosen_plan, Labelled(samples, test.y), FROZEN_BATCH)
        engine = Engine(chosen_plan, self.task.most_bytes)
        return Ready(spec, key, chosen_plan, engine, shared)

    def _samples(self, user: User) -> Held:
        """Return the samples of a user as the models take them."""
        spec = self.models[0].spec
        if isinstance(user, Stored):
            return Held(as_inputs(spec, user.held, self.task.how), user.held.y)
        common = self.task.common
        assert common is not None
        (feature,) = spec.description.input
        rows = chosen(common.shifts, common.classes, self.task.needed, common.seed, user.number)
        part = Held({n: each[rows] for n, each in common.held.columns.items()}, common.held.y[rows])
        array = as_inputs(spec, part, self.task.how)[feature.name]
        own = style(common.shifts, common.seed, user.number)
        is_array = feature.type.WhichOneof("Type") == "multiArrayType"
        channels_first = is_array and array.ndim == 4
        images = array.transpose(0, 2, 3, 1) if channels_first else array
        images = shifted(images, own, common.span, common.seed, user.number)
        array = images.transpose(0, 3, 1, 2) if channels_first else images
        return Held({feature.name: array}, part.y)

    def _trained(
        self,
        number: int,
        ready: Ready,
        border: Pool,
        size: Size,
        keys: Sequence[str],
        splits: dict[tuple[int, int], Integers],
    ) -> list[Result]:
        """Return the results of one model for one number of samples."""
        tested = self.task.test_samples
        mine = {
            (t.run, t.epochs): (t, key)
            for t, key in zip(self.task.trials, size.keys, strict=True) if t.model == number
        }  # fmt: skip
        runs = {trial.run: trial.settings for trial, _ in mine.values()}
        lines = [(run, i, seed) for run in runs for (i, seed) in splits]
        own = np.stack([splits[i, seed][:tested] for _, i, seed in lines])
        learnt = np.stack([splits[i, s][tested : tested + size.samples] for _, i, s in lines])
        settings = [replace(runs[run], seed=seed) for run, _, seed in lines]
        tests = {OWN: Rows(border, own)}
        if ready.test is not None:
            tests[COMMON] = Rows(ready.test, np.arange(len(ready.test)))
        wanted = sorted({epochs for _, epochs in mine})
        outcome = ready.engine.train(Rows(border, learnt), settings, (0, *wanted), tests)
        return [
            Result(
                ready.key, mine[run, epochs][1], keys[i], seed,
                _scores(outcome, line, column),
            )
            for line, (run, i, seed) in enumerate(lines)
            for column, epochs in enumerate(wanted, 1)
        ]  # fmt: skip


def as_inputs(spec: Message, held: Held, how: Reading) -> dict[str, Array]:
    """Return samples as the inputs of a model take them."""
    return {
        feature.name: converted(held.columns[feature.name], feature, how)[np.arange(len(held))]
        for feature in spec.description.input
    }


def examined(spec: Message, sample: Held, answers: Array, how: Reading) -> int:
    """Return what one sample takes in a block: itself, and what the frozen layers make of it.

    `sample` is one, `answers` are those of all that there are.

    Raises:
        DataError: the sample or an answer does not fit the model.
    """
    columns, chosen_plan = as_inputs(spec, sample, how), plan(spec)
    border = source(spec, chosen_plan, ArraySamples(columns), 1)
    targets(spec, chosen_plan, answers, blob_shape(chosen_plan, border))
    arrays = [*columns.values(), *border.take(np.arange(1)).values()]
    return sum(4 * array.size for array in arrays)


def split(key: str, seed: int, total: int) -> Integers:
    """Return the order in which a user's samples are taken: first to test with, then to learn from.

    It depends on the user's data and the seed alone, so that the samples of a smaller size are
    among those of a larger one, whichever sizes a study has.
    """
    found: Integers = stream(seed, 0, key).permutation(total)
    return found


def _scores(outcome: Outcome, line: int, column: int) -> Scores:
    values = [
        float(kind[of][line, when]) if of in kind else float("nan")
        for of in (OWN, COMMON)
        for kind in (outcome.loss, outcome.accuracy)
        for when in (0, column)
    ]
    return Scores(*values)
