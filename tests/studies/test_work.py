"""What a block computes is what `train` computes for each user; a study goes on where it was."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from converter.runtime import ArraySamples, Labelled, train
from converter.studies.answer import answer
from converter.studies.store import Store
from converter.studies.work import Worker, split
from tests.studies.small import everything, here, prepare, run, study, tiny

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def done(files, tmp_path_factory):
    """A study that was never disturbed: how it was prepared, its results, its answer."""
    prepared = prepare(study(files))
    with closing(Store(tmp_path_factory.mktemp("done") / "done.results")) as store:
        pace = run(prepared, store, here)
        assert (pace.done, pace.total, pace.new) == (8, 8, 8)
        return prepared, everything(store, prepared), answer(prepared, store)


def test_every_user_has_every_setting_size_and_seed(done):
    prepared, results, _ = done
    assert prepared.per_user == 2 * 2 * 2 * 2
    assert len(results) == 8 * prepared.per_user
    assert np.isfinite(list(results.values())).all()


def test_a_users_result_is_that_of_train(done):
    prepared, results, _ = done
    user = prepared.population.user(3)
    held = Worker(prepared.task)._samples(user)
    order = split(user.key, 1, len(held))
    test, learnt = order[:10], order[10:18]

    def labelled(rows):
        return Labelled(ArraySamples({"image": held.columns["image"][rows]}), held.y[rows])

    model = tiny()
    (size,) = (size for size in prepared.task.sizes if size.samples == 8)
    number = next(
        i for i, t in enumerate(prepared.trials) if (t.learning_rate, t.epochs) == (0.5, 3)
    )
    settings = replace(prepared.trials[number].settings, seed=1)
    history = train(model, labelled(learnt), settings, labelled(test))
    last = history.epochs[-1]
    found = results[prepared.models[0].key, size.keys[number], 1, user.key]
    np.testing.assert_allclose(
        found[:4],
        [history.before.loss, last.held_out_loss, history.before.accuracy, last.held_out_accuracy],
        rtol=1e-5,
    )


def test_inverted_users_gain_and_others_do_not_need_to(done):
    _, _, found = done
    best = next(row for row in found.rows if row.samples == 8
                and (row.trial.learning_rate, row.trial.epochs) == (0.5, 3))  # fmt: skip
    gains = found.gains_of(best)
    assert found.users == len(gains) == 8
    assert gains.max() > 0.3
    assert best.gain[10].mean <= best.gain[50].mean <= best.gain[90].mean


def test_a_study_goes_on_where_it_was(done, tmp_path):
    prepared, results, _ = done
    path = tmp_path / "part.results"

    def interrupted(task, blocks):
        for number, block in enumerate(here(task, blocks)):
            if number == 3:
                raise KeyboardInterrupt
            yield block

    with closing(Store(path)) as store, pytest.raises(KeyboardInterrupt):
        run(prepared, store, interrupted)
    computed = []

    def counted(task, blocks):
        for block in here(task, blocks):
            computed.append({result.user for result in block})
            yield block

    paces = []
    with closing(Store(path)) as store:
        assert len(everything(store, prepared)) == 3 * prepared.per_user
        run(prepared, store, counted, paces.append)
        assert everything(store, prepared) == results
        assert len(computed) == 5
        assert (paces[0].done, paces[0].left) == (3, None)
        assert (paces[-1].done, paces[-1].left) == (8, 0)
        assert run(prepared, store, counted).new == 0


def test_more_settings_and_sizes_add_to_what_is_there(done, files, tmp_path):
    _, results, _ = done
    larger = prepare(study(files, settings={"learning_rate": [0.5], "epochs": [3]}, samples=[8]))
    with closing(Store(tmp_path / "a.results")) as store:
        run(larger, store, here)
        found = everything(store, larger)
    assert found.keys() < results.keys()
    assert all(results[key] == pytest.approx(found[key], abs=1e-6) for key in found)


def test_users_are_divided_by_their_number_alone(files):
    told = {"data": str(files / "common.npz"), "count": 2000}
    blocks = prepare(study(files, users={"simulated": told})).blocks
    assert [len(block) for block in blocks] == [64] * 31 + [16]
    assert [i for block in blocks for i in block] == list(range(2000))


def test_fewer_users_are_computed_at_once_where_their_samples_are_large(files):
    """Of each of 18 samples the picture and, as nothing is frozen but a flattening, itself."""
    told = {"data": str(files / "common.npz"), "count": 2000}
    prepared = prepare(study(files, users={"simulated": told}))
    assert prepared.user_bytes == 18 * (36 + 36) * 4
    small = replace(prepared, task=replace(prepared.task, most_bytes=10 * prepared.user_bytes + 1))
    assert {len(block) for block in small.blocks} == {10}
