"""Studies from Python: `converter.study`."""

import json
from contextlib import closing

import pytest

import converter
from converter.errors import OutputError, RecipeError, UsageError
from converter.studies import Settings
from converter.studies.store import Store
from tests.studies.small import here, prepare, run, study, told

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(files, tmp_path_factory):
    """All results of the small study: nothing is left to compute."""
    path = tmp_path_factory.mktemp("python") / "all.results"
    with closing(Store(path)) as store:
        run(prepare(study(files)), store, here)
    return path


def test_a_study_from_python(results, files, tmp_path):
    answer = converter.study(**told(files, results=results, goal={"worse": 1, "forgetting": 1}))
    assert answer.users == 8
    assert answer.best.samples == 8
    assert answer.is_reached
    saved = answer.save(tmp_path / "a.json")
    assert json.loads(saved.read_text())["recommended"]["gain_50"] == answer.best.median
    assert answer.plot(tmp_path / "a.png").stat().st_size > 10_000
    with pytest.raises(UsageError, match="tiny carries no recipe"):
        answer.write_recipe(tmp_path / "r.yaml")
    with pytest.raises(OutputError, match=r"must end in \.json or \.csv"):
        answer.save(tmp_path / "a.txt")
    (tmp_path / "link.csv").symlink_to(files / "tiny.mlmodel")
    with pytest.raises(OutputError, match="is the same file as the input models"):
        answer.save(tmp_path / "link.csv")


def test_arguments_win_over_a_file(results, files, tmp_path):
    (tmp_path / "s.yaml").write_text(json.dumps(told(files)))
    settings = Settings(learning_rate=(0.5,), epochs=(3,))
    answer = converter.study(tmp_path / "s.yaml", results=results, settings=settings)
    assert {(row.trial.learning_rate, row.trial.epochs) for row in answer.rows} == {(0.5, 3)}


def test_errors_name_arguments(files, tmp_path):
    for changes, words in {
        "epochs": ({"epochs": [3]}, "epochs: is no setting"),
        "rate": ({"settings": {"learning_rate": [0]}}, "settings['learning_rate']: 0 means"),
        "memory": ({"memory_limit": "1KB"}, "memory_limit: '1KB' is no amount"),
        "results": ({"results": files / "tiny.txt"}, "the name must end in .results"),
        "results that are read": (
            {"users": {"data": tmp_path}, "results": tmp_path / "a.results"},
            "lies inside the inp",
        ),
        "scheduler": ({"scheduler_file": tmp_path / "none"}, "none: cannot be read"),
    }.values():
        with pytest.raises((UsageError, OutputError)) as found:
            converter.study(**told(files, **{"results": tmp_path / "new.results", **changes}))
        assert words in str(found.value)
    with pytest.raises(RecipeError, match=r"none\.yaml: cannot be read"):
        converter.study(tmp_path / "none.yaml")
