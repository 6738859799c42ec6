"""Where users come from: archives, folders, simulations; and how their samples are divided."""

import numpy as np
import pytest
from PIL import Image

from converter.coreml import mlmodel
from converter.errors import DataError, MakeUpdatableError, TrainingError, UsageError
from converter.studies.people import Drawn
from converter.studies.users import population
from converter.studies.work import Worker, split
from tests.studies.small import prepare, samples, study, tiny


def keys(told):
    return prepare(told).population.keys


def real(files, **changes):
    return study(files, users={"data": str(files / "users.npz")}, **changes)


def test_users_of_an_archive_and_who_has_too_few(files):
    found = population(real(files), tiny())
    assert len(found) == 3
    assert found.notes == [
        f"{files / 'users.npz'}: 1 of 4 users are left out: they have fewer than 18 samples"
    ]
    with np.load(files / "users.npz") as stored:
        np.testing.assert_array_equal(found.user(1).held.columns["image"], stored["x"][20:44])
        np.testing.assert_array_equal(found.user(1).held.y, stored["y"][20:44])
    assert population(real(files, samples=[2], test_samples=7), tiny()).notes == []


def test_users_in_a_folder_are_those_of_an_archive(files, tmp_path):
    with np.load(files / "users.npz") as stored:
        for i, user in enumerate(stored["user"]):
            place = tmp_path / "users" / user / str(stored["y"][i])
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(stored["x"][i]).save(place / f"{i:03}.png")
    found = population(study(files, users={"data": str(tmp_path / "users")}), tiny())
    archive = population(real(files), tiny())
    assert len(found) == len(archive) == 3
    one, other = found.user(2).held, archive.user(2).held
    order = np.argsort(other.y, kind="stable")
    np.testing.assert_array_equal(one.y, other.y[order])
    np.testing.assert_array_equal(one.columns["image"][..., 0], other.columns["image"][order])


def test_a_user_is_known_by_the_data(files, tmp_path):
    before = keys(real(files))
    with np.load(files / "users.npz") as stored:
        arrays = dict(stored)
    arrays["x"][21, 0, 0] += 1
    np.savez(tmp_path / "other.npz", **arrays)
    after = keys(study(files, users={"data": str(tmp_path / "other.npz")}))
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]
    arrays["user"][:40] = np.repeat(["ann", "ben"], 20)
    arrays["x"][20:40], arrays["y"][20:40] = arrays["x"][:20], arrays["y"][:20]
    np.savez(tmp_path / "twins.npz", **{name: array[:40] for name, array in arrays.items()})
    one, twin = keys(study(files, users={"data": str(tmp_path / "twins.npz")}))
    assert twin == f"{one}#2"


def test_a_simulated_user_depends_on_nothing_but_the_number(files):
    few, many = (study(files, users={"simulated": {"data": str(files / "common.npz"), "count": n}})
                 for n in (3, 9))  # fmt: skip
    assert keys(few) == keys(many)[:3]
    assert len(set(keys(many))) == 9
    prepared = prepare(study(files))
    assert prepared.population.user(5) == Drawn(prepared.population.keys[5], 5)
    worker = Worker(prepared.task)
    one, again = (worker._samples(prepared.population.user(5)) for _ in range(2))
    np.testing.assert_array_equal(one.columns["image"], again.columns["image"])
    assert one.columns["image"].shape == (18, 1, 6, 6)
    assert 0 <= one.columns["image"].min() < one.columns["image"].max() <= 1
    other = worker._samples(prepared.population.user(6))
    assert np.abs(one.columns["image"] - other.columns["image"]).mean() > 0.1


def test_smaller_sets_of_samples_are_among_the_larger_and_none_is_tested_with():
    order = split("a user", 3, 18)
    assert sorted(order) == list(range(18))
    assert list(split("a user", 3, 18)) == list(order)
    assert list(split("a user", 4, 18)) != list(order)
    assert list(split("another", 3, 18)) != list(order)


def test_the_common_test_set_is_always_the_same(files):
    one, again = (population(study(files, common_samples=7), tiny()) for _ in range(2))
    assert len(one.test) == 7
    assert one.test_key == again.test_key != population(study(files), tiny()).test_key
    without = population(real(files), tiny())
    assert (without.test, without.test_key) == (None, None)
    given = population(real(files, common=str(files / "common.npz")), tiny())
    assert given.test_key == population(study(files), tiny()).test_key


def saved(folder, **arrays):
    x, y = samples(40, 3)
    np.savez(folder / "bad.npz", **{"x": x, "y": y, "user": np.arange(40) // 20, **arrays})
    return {"data": str(folder / "bad.npz")}


def simulated(files, **shifts):
    return {"simulated": {"data": str(files / "common.npz"), "count": 3, "shifts": shifts}}


WRONG = {
    "no such place": (lambda files, tmp: {"data": "nowhere"}, "there is no such file or folder"),
    "no user": (lambda files, tmp: saved(tmp, user=np.array(1)), "has user []"),
    "users of other samples": (lambda files, tmp: saved(tmp, user=np.arange(39)), "has user [39]"),
    "a user that is no number": (
        lambda files, tmp: saved(tmp, user=np.full(40, np.nan)), "user holds NaN",
    ),
    "a sample that is no number": (
        lambda files, tmp: saved(tmp, x=np.full((40, 6, 6), np.nan)), "sample 0 holds NaN",
    ),
    "another shape": (
        lambda files, tmp: saved(tmp, x=np.zeros((40, 7, 7))), "do not fit the input",
    ),
    "too few samples": (
        lambda files, tmp: saved(tmp, user=np.arange(40) // 2), "no user has 18 samples",
    ),
    "an empty folder": (lambda files, tmp: {"data": str(tmp)}, "holds no user"),
    "more classes than there are": (
        lambda files, tmp: simulated(files, label_subset=4), "label_subset 4 is more than the 3",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("users", "words"), WRONG.values(), ids=WRONG)
def test_wrong_users_end_in_one_line(users, words, files, tmp_path):
    with pytest.raises(DataError) as found:
        prepare(study(files, users=users(files, tmp_path)))
    assert words in str(found.value)
    assert "\n" not in str(found.value)


def test_a_label_that_the_model_does_not_know_is_found_before_anything_is_computed(files, tmp_path):
    with pytest.raises(DataError, match="label 7 of sample 39 is not a class"):
        prepare(study(files, users=saved(tmp_path, y=np.array([0] * 39 + [7]))))


def adam_momentum(files, tmp):
    from tests.runtime.updatable import adam

    mlmodel.write(tiny(adam(batch=4)), tmp / "adam.mlmodel")
    return {"models": [str(tmp / "adam.mlmodel")], "settings": {"momentum": [0.9]}}


def frozen(files, tmp):
    spec = tiny()
    spec.isUpdatable = False
    mlmodel.write(spec, tmp / "frozen.mlmodel")
    return {"models": [str(tmp / "frozen.mlmodel")]}


def another(files, tmp):
    spec = tiny()
    spec.description.input[0].shortDescription = "another picture"
    mlmodel.write(spec, tmp / "other.mlmodel")
    return {"models": [str(files / "tiny.mlmodel"), str(tmp / "other.mlmodel")]}


STUDIES = {
    "momentum of Adam": (adam_momentum, UsageError, "adam learns with Adam, which has none"),
    "layers of a finished model": (
        lambda files, tmp: {"settings": {"layers": [["head"]]}},
        UsageError, "which layers learn is",
    ),
    "a goal that nothing measures": (
        lambda files, tmp: {
            "users": {"data": str(files / "users.npz")}, "goal": {"forgetting": 0.1},
        },
        UsageError, "goal.forgetting: there is no data set",
    ),
    "a model that is not updatable": (
        frozen, TrainingError, "frozen.mlmodel: the model is not updatable",
    ),
    "other inputs": (
        another, UsageError, "tiny and other take or answer different things",
    ),
    "no model": (
        lambda files, tmp: {"models": [str(files / "users.npz")]},
        MakeUpdatableError, "users.npz: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "kind", "words"), STUDIES.values(), ids=STUDIES)
def test_a_study_that_cannot_be_is_refused_before_anything_is_computed(
    changes, kind, words, files, tmp_path
):
    with pytest.raises(kind, match=words):
        prepare(study(files, **changes(files, tmp_path)))


def test_what_the_file_does_not_allow_is_marked(files):
    prepared = prepare(study(files, settings={"learning_rate": [0.5, 3.0], "epochs": [3, 50],
                                              "batch_size": [4, 7]}))  # fmt: skip
    needs = {(t.learning_rate, t.epochs, t.batch_size): t.needs for t in prepared.trials}
    assert needs[0.5, 3, 4] == ()
    assert needs[3.0, 50, 7] == ("learning_rate 3", "batch_size 7", "epochs 50")
