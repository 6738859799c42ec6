"""What the results of a study mean: each setting's figures, and the one to ship."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from converter.coreml.mlmodel import CROSS_ENTROPY, Floats
from converter.files.paths import RECIPE_ENDINGS, Output, check_outputs
from converter.runtime import plan
from converter.studies.candidates import Candidate
from converter.studies.figures import Row, figures, line
from converter.studies.model import ANSWERS, PLOTS, Goal, Study
from converter.studies.running import Prepared
from converter.studies.store import Store
from converter.studies.trials import Trial

NOT_MEASURED = (
    "How long a phone takes for it is not measured here: try the setting that you choose on one."
)


@dataclass(frozen=True)
class Answer:
    """The answer of a study.

    Attributes:
        rows: the figures of all settings and numbers of samples.
        gains: of each row, the gain of each user, the mean over seeds.
        models: what is compared.
        users: how many there are.
        notes: what to know.
    """

    study: Study
    rows: Sequence[Row]
    gains: Sequence[Floats]
    models: Sequence[Candidate]
    users: int
    is_class: bool
    notes: Sequence[str]

    @property
    def samples(self) -> int:
        """The number of samples that the goal is about."""
        return self.study.goal.samples or max(self.study.samples)

    @cached_property
    def ranked(self) -> list[Row]:
        """The settings for the goal's number of samples, the best first."""
        rows = [row for row in self.rows if row.samples == self.samples]
        return sorted(rows, key=lambda row: _rank(row, self.study.goal))

    @property
    def best(self) -> Row:
        """The setting that is recommended, or comes nearest if none reaches the goal."""
        return self.ranked[0]

    @property
    def is_reached(self) -> bool:
        """Whether a setting reaches the goal."""
        return not self.best.misses(self.study.goal)

    @property
    def curve(self) -> list[Row]:
        """The best setting for every number of samples."""
        found = [row for row in self.rows if row.trial == self.best.trial]
        return sorted(found, key=lambda row: row.samples)

    @property
    def helps_from(self) -> int | None:
        """From how many samples on the best setting helps the median user, and is harmless enough.

        None if it never does.
        """
        found = None
        for row in reversed(self.curve):
            if row.median <= 0 or row.worse.mean > self.study.goal.worse:
                break
            found = row.samples
        return found

    def save(self, path: str | Path) -> Path:
        """Write the answer to `path`, as JSON or CSV by its ending; return it.

        Raises:
            OutputError: the file cannot be written, or is one that the study has read.
        """
        from converter.studies.writing import write

        target = self._checked(path, ANSWERS)
        write(self, target)
        return target

    def plot(self, path: str | Path) -> Path:
        """Draw the answer to `path`, as SVG or PNG by its ending; return it.

        Raises:
            MissingDependencyError: matplotlib is not installed.
            OutputError: the file cannot be written, or is one that the study has read.
        """
        from converter.studies.plots import write_plot

        target = self._checked(path, PLOTS)
        write_plot(self, target)
        return target

    def write_recipe(self, path: str | Path) -> Path:
        """Write the recipe of the best setting to `path`, YAML; return it.

        Raises:
            UsageError: no setting reaches the goal, or nothing tells how the model was converted.
            OutputError: the file cannot be written, or is one that the study has read.
        """
        from converter.studies.writing import write_recipe

        target = self._checked(path, RECIPE_ENDINGS)
        write_recipe(self, target)
        return target

    def _checked(self, path: str | Path, endings: tuple[str, ...]) -> Path:
        target = Path(path)
        recipes = [each for model in self.models if model.recipe for each in model.recipe.inputs()]
        check_outputs([*self.study.inputs(), *recipes], [Output("", target, endings)])
        return target

    def gains_of(self, row: Row) -> Floats:
        """Return the gain of each user."""
        return next(g for r, g in zip(self.rows, self.gains, strict=True) if r is row)

    def allowed(self, name: str) -> list[float]:
        """Return the tried values of a number with which the goal is still reached.

        All else is as in the best setting; no value in between fails.
        """
        goal, best = self.study.goal, self.best.trial
        beside = sorted(
            (row for row in self.ranked if _only_differs(row.trial, best, name)),
            key=lambda row: getattr(row.trial, name),
        )
        at = next(i for i, row in enumerate(beside) if row.trial == best)
        low = high = at
        while low and not beside[low - 1].misses(goal):
            low -= 1
        while high + 1 < len(beside) and not beside[high + 1].misses(goal):
            high += 1
        return [getattr(row.trial, name) for row in beside[low : high + 1]]


def _only_differs(trial: Trial, best: Trial, name: str) -> bool:
    names = {"model", "learning_rate", "momentum", "batch_size", "epochs"} - {name}
    return all(getattr(trial, each) == getattr(best, each) for each in names)


def _rank(row: Row, goal: Goal) -> tuple[float, ...]:
    """Return what puts the better of two settings first: the goal, the gain, harm, and effort."""
    lost = row.forgetting.mean if row.forgetting else 0.0
    return (
        sum(row.misses(goal).values()), -row.median, row.worse.mean, lost, row.trial.epochs,
        row.trial.learning_rate,
    )  # fmt: skip


def answer(prepared: Prepared, store: Store) -> Answer:
    """Return what the results in `store` say of a study that is complete.

    Raises:
        OutputError: the store cannot be read.
    """
    study, users = prepared.study, prepared.population
    is_class = plan(prepared.models[0].spec).loss == CROSS_ENTROPY
    place = {key: number for number, key in enumerate(users.keys)}
    rows, gains = list[Row](), list[Floats]()
    for size in prepared.task.sizes:
        for trial, key in zip(prepared.trials, size.keys, strict=True):
            model = prepared.models[trial.model].key
            lines = []
            for seed in study.seeds:
                table = np.full((len(place), 8), np.nan)
                for user, scores in store.scores(model, key, seed):
                    if user in place:
                        table[place[user]] = scores
                lines.append(line(table, is_class, users.test is not None))
            rows.append(figures(trial, size.samples, lines))
            gains.append(np.mean([gain for gain, _, _ in lines], axis=0))
    return Answer(study, rows, gains, prepared.models, len(users), is_class, _notes(prepared, rows))


def _notes(prepared: Prepared, rows: Sequence[Row]) -> list[str]:
    found = list(prepared.population.notes)
    if prepared.population.test is None:
        found.append("forgetting is not measured: there is no data set that all share (common)")
    needy = sorted({need for trial in prepared.trials for need in trial.needs})
    if needy:
        found.append(
            f"an app cannot choose with the file as it is: {', '.join(needy)}; such settings need "
            "a new recipe (--write-recipe)"
        )
    if any(row.diverged for row in rows):
        found.append("some trainings diverged; they count as users who have lost all")
    if len(prepared.study.seeds) == 1:
        found.append("one seed tells nothing of chance; give several for intervals")
    found.append(NOT_MEASURED)
    return found
