"""Figures, the recommended setting and its range, with numbers by hand."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from converter.recipe import Recipe
from converter.recipe.reading import read
from converter.runtime import settings
from converter.studies.answer import Answer
from converter.studies.figures import Estimate, figures, line
from converter.studies.model import Goal, Settings, Study, Users
from converter.studies.plots import write_plot
from converter.studies.trials import Trial
from converter.studies.writing import as_json, write, write_recipe
from tests.studies.small import tiny

NAN = float("nan")


def test_an_estimate_is_the_mean_over_seeds_with_students_interval():
    assert Estimate.of([0.25]) == Estimate(0.25, None)
    found = Estimate.of([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.half == pytest.approx(4.303 / np.sqrt(3))


def table(*rows):
    """Return scores: accuracies before and after, own and common; losses that are numbers."""
    return np.array([[1, 1, before, after, 1, 1, c, d] for before, after, c, d in rows], float)


def test_gain_and_forgetting_of_classes():
    scores = table((0.5, 0.75, 0.5, 0.25), (0.5, 0.25, 0.5, 0.75))
    scores[1, 1] = NAN
    gain, forgetting, diverged = line(scores, is_class=True, has_common=True)
    assert gain.tolist() == [0.25, -0.5]
    assert forgetting.tolist() == [0.25, 0.5]
    assert diverged.tolist() == [False, True]
    assert line(scores, is_class=True, has_common=False)[1] is None


def test_gain_and_forgetting_of_values_are_parts_of_the_loss():
    scores = np.array([[4, 1, NAN, NAN, 2, 3, NAN, NAN], [1, 4, NAN, NAN, 1, 9, NAN, NAN]])
    gain, forgetting, _ = line(scores, is_class=False, has_common=True)
    assert gain.tolist() == [0.75, -1.0]
    assert forgetting.tolist() == [0.5, 1.0]


def trial(rate, epochs=1):
    own = settings(tiny())
    return Trial(0, rate, 0.0, 4, epochs, own, () if rate <= 1 else (f"learning_rate {rate:g}",))


def test_the_figures_of_a_setting():
    """Five users, two seeds: percentiles of each seed, then their mean."""
    one = np.array([-0.1, 0.0, 0.1, 0.2, 0.3]), np.zeros(5), np.zeros(5, bool)
    other = np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.full(5, 0.2), np.array([True] + [False] * 4)
    row = figures(trial(0.1), 10, [one, other])
    assert row.gain[10].mean == pytest.approx((-0.06 + 0.14) / 2)
    assert row.gain[50].mean == pytest.approx(0.2)
    assert row.gain[50].half == pytest.approx(12.706 * 0.1)
    assert row.gain[90].mean == pytest.approx((0.26 + 0.46) / 2)
    assert row.worse.mean == pytest.approx(0.1)
    assert row.forgetting.mean == pytest.approx(0.1)
    assert row.diverged == pytest.approx(0.1)


def answered(rows, goal=None, samples=(10,), recipe=None):
    """Return an answer of rows (rate, epochs, samples, gains of users, forgetting)."""
    study = Study(
        models=("tiny.mlmodel",), users=Users(data="u"), samples=samples, goal=goal or Goal(),
        settings=Settings(learning_rate=(0.1,), epochs=(1,)), seeds=(0,),
    )  # fmt: skip
    made = [
        figures(trial(rate, epochs), n, [(np.array(gains), np.full(len(gains), lost),
                                          np.zeros(len(gains), bool))])
        for rate, epochs, n, gains, lost in rows
    ]  # fmt: skip
    model = SimpleNamespace(name="tiny", recipe=recipe)
    gains = [np.array(row[3]) for row in rows]
    return Answer(study, made, gains, [model], len(gains[0]), True, ["a note"])


ROWS = [
    (0.01, 1, 10, [0.02] * 10, 0.0),
    (0.03, 1, 10, [0.06] * 10, 0.01),
    (0.1, 1, 10, [0.09] * 10, 0.04),
    (0.3, 1, 10, [0.2] * 8 + [-0.1] * 2, 0.04),
    (0.1, 5, 10, [0.3] * 10, 0.2),
]


def test_the_highest_median_gain_within_the_limits_is_recommended():
    found = answered(ROWS)
    assert found.is_reached
    assert (found.best.trial.learning_rate, found.best.trial.epochs) == (0.1, 1)
    order = [(row.trial.learning_rate, row.trial.epochs) for row in found.ranked]
    assert order == [(0.1, 1), (0.03, 1), (0.01, 1), (0.3, 1), (0.1, 5)]
    assert found.ranked[3].misses(found.study.goal) == {"worse": pytest.approx(0.1)}
    assert found.ranked[4].misses(found.study.goal) == {"forgetting": pytest.approx(0.15)}


def test_another_goal_recommends_another_setting():
    assert answered(ROWS, Goal(worse=0.2)).best.trial.learning_rate == 0.3
    assert answered(ROWS, Goal(forgetting=0.5)).best.trial.epochs == 5
    assert answered(ROWS, Goal(forgetting=0.001)).best.trial.learning_rate == 0.01


def test_the_nearest_setting_is_told_where_none_reaches_the_goal():
    found = answered(ROWS, Goal(gain=0.4))
    assert not found.is_reached
    assert found.best.trial.learning_rate == 0.1
    data = as_json(found)
    assert data["recommended"] is None
    assert data["nearest"]["epochs"] == 5
    assert data["nearest"]["misses"] == "gain forgetting"


def test_the_allowed_values_are_those_around_the_best_that_reach_the_goal():
    assert answered(ROWS).allowed("learning_rate") == [0.01, 0.03, 0.1]
    assert answered(ROWS).allowed("epochs") == [1]
    gap = [(0.01, 1, 10, [0.02], 0.0), (0.03, 1, 10, [0.02], 0.9), (0.1, 1, 10, [0.1], 0.0)]
    assert answered(gap).allowed("learning_rate") == [0.1]


def test_from_how_many_samples_it_helps():
    sizes = [(0.1, 1, 5, [-0.1] * 10, 0), (0.1, 1, 10, [0.1] * 10, 0), (0.1, 1, 20, [0.1] * 10, 0)]
    assert answered(sizes, samples=(5, 10, 20)).helps_from == 10
    assert answered(sizes, samples=(5, 10, 20)).samples == 20
    assert answered(sizes[:1], samples=(5,)).helps_from is None


def test_the_answer_as_files(tmp_path):
    found = answered(ROWS)
    write(found, tmp_path / "a.json")
    write(found, tmp_path / "a.csv")
    data = json.loads((tmp_path / "a.json").read_text())
    assert data["recommended"]["learning_rate"] == 0.1
    assert [row["learning_rate"] for row in data["next"]] == [0.03, 0.01, 0.3]
    assert data["recommended"]["gain_50"] == pytest.approx(0.09)
    assert data["recommended"]["gain_50_half_interval"] is None
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0].startswith("model,learning_rate,momentum,batch_size,epochs,samples,gain_10,")
    assert len(lines) == 1 + len(ROWS)
    write_plot(found, tmp_path / "a.svg")
    write_plot(found, tmp_path / "a.png")
    assert "<svg" in (tmp_path / "a.svg").read_text()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_recipe_has_the_default_and_what_is_allowed(tmp_path):
    recipe = Recipe(model=tmp_path / "net.h5", layers=("dense",), optimizer="sgd")
    (tmp_path / "net.h5").touch()
    (tmp_path / "sub").mkdir()
    write_recipe(answered(ROWS, recipe=recipe), tmp_path / "sub" / "new.yaml")
    found = read(tmp_path / "sub" / "new.yaml")
    rate = found.learning_rate
    assert (rate.default, rate.min, rate.max) == (0.1, 0.01, 0.1)
    assert (found.epochs.default, found.epochs.allowed) == (1, (1,))
    assert (found.layers, found.optimizer, found.batch_size) == (("dense",), "sgd", None)
    assert found.model.resolve() == tmp_path / "net.h5"
