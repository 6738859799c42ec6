"""The command: what it says, what it writes, and what it refuses before anything is computed."""

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from converter import cli, studies
from converter.coreml import mlmodel
from converter.recipe.reading import read as read_recipe
from converter.studies.reading import read
from converter.studies.store import Store
from tests.page.looking import Page
from tests.studies.small import here, prepare, run, tiny, write_all

STUDY = """\
models: [tiny.mlmodel]
users:
  simulated:
    data: common.npz
    count: 8
    shifts: {inversion: 1}
scale: 1/255
settings: {learning_rate: [0.05, 0.5], epochs: [1, 3]}
samples: [4, 8]
test_samples: 10
seeds: [0, 1]
goal: {worse: 1, forgetting: 1}
"""


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A folder with a study and all its results: asked again, nothing is left to compute."""
    folder = tmp_path_factory.mktemp("complete")
    write_all(folder)
    spec = tiny()
    mlmodel.write(spec, folder / "plain.mlmodel")
    carried = spec.description.metadata.userDefined
    carried["make-updatable.recipe"] = "model: net.h5\noptimizer: sgd\n"
    mlmodel.write(spec, folder / "tiny.mlmodel")
    (folder / "s.yaml").write_text(STUDY)
    with closing(Store(folder / "s.results")) as store:
        run(prepare(read(folder / "s.yaml")), store, here)
    return folder


@pytest.fixture(autouse=True)
def in_folder(complete, monkeypatch):
    monkeypatch.chdir(complete)


def test_the_answer_is_a_page(capsys):
    assert cli.run(["study", "s.yaml", "-o", "s.json", "--report", "s.html", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    page = Page(Path("s.html").read_text())
    assert page.title == "tiny: study"
    best = found["recommended"]
    rows = {row[0]: row[1:] for row in page.tables["What to ship"]}
    assert rows["learning rate"] == ["0.5", "0.5"]
    assert rows["epochs"][0] == str(best["epochs"])
    _, *rows = page.tables["Settings with 8 samples, the best first"]
    assert len(rows) == 4
    assert rows[0][3].startswith(f"{best['gain_50']:.3f} ± ")
    _, *rows = page.tables["Median gain by learning rate and epochs, 8 samples"]
    assert [row[0] for row in rows] == ["1", "3"]
    assert len(page.of("svg")) == 2
    assert "recommended: tiny: rate 0.5" in page.text("The answer")
    assert found["notes"][-1] in page.text("Notes")


def test_the_answer_is_printed_and_written(capsys):
    files = ["-o", "s.json", "-o", "s.csv", "--plot", "s.svg", "--write-recipe", "new.yaml"]
    assert cli.run(["study", "s.yaml", *files]) == 0
    printed = capsys.readouterr().out
    found = json.loads(Path("s.json").read_text())
    best = found["recommended"]
    assert best["learning_rate"] == 0.5
    assert f"recommended: tiny: rate 0.5, {best['epochs']} epoch" in printed
    assert "How long a phone takes for it is not measured here" in printed
    assert printed.count("instead rate ") == 3
    assert "wrote s.json\nwrote s.csv\nwrote s.svg\nwrote new.yaml\n" in printed
    assert len(found["rows"]) == 8
    assert [row["samples"] for row in found["rows"]] == [4] * 4 + [8] * 4
    assert best["gain_50"] > 0.2
    assert len(Path("s.csv").read_text().splitlines()) == 9
    recipe = read_recipe(Path("new.yaml"))
    assert recipe.learning_rate.default == 0.5
    assert recipe.epochs.default == best["epochs"]
    assert (recipe.model, recipe.optimizer) == (Path("net.h5"), "sgd")


def test_json_is_printed_alone_and_quiet_prints_nothing(capsys):
    assert cli.run(["study", "s.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["users"] == 8
    assert cli.run(["study", "s.yaml", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_flags_win_over_the_file(capsys):
    line = ["study", "s.yaml", "--learning-rate", "0.05", "--epochs", "1", "--json"]
    assert cli.run(line) == 0
    found = json.loads(capsys.readouterr().out)
    assert {(row["learning_rate"], row["epochs"]) for row in found["rows"]} == {(0.05, 1)}


def test_a_study_begins_with_a_template_and_has_a_schema(capsys):
    assert cli.run(["study", "init", "tiny.mlmodel", "-o", "-"]) == 0
    Path("t.yaml").write_text(capsys.readouterr().out)
    found = read(Path("t.yaml"))
    assert found.models == (Path("tiny.mlmodel"),)
    assert found.settings.learning_rate == (0.03, 0.1, 0.3)
    assert found.settings.epochs == (1, 2)
    lines = [line.removeprefix("# ") for line in Path("t.yaml").read_text().splitlines()
             if not line.startswith("# Or")]  # fmt: skip
    assert "  simulated:" in [line.replace("# ", "", 1) for line in lines]
    assert cli.run(["study", "schema"]) == 0
    assert {"models", "users", "goal"} <= set(json.loads(capsys.readouterr().out)["properties"])


def test_mistakes_are_told_with_file_line_and_key(capsys):
    Path("bad.yaml").write_text(
        "modles: [a.mlmodel]\nusers: {simulated: {data: mnist, cont: 4, shifts: {rotation: 200}}}\n"
        "settings: {learning_rate: [0, 0.1], epochs: [1, 1]}\ngoal: {samples: 7}\nseeds: []\n"
        "samples: 5\n"
    )
    assert cli.run(["study", "bad.yaml"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: bad.yaml:1: models: is missing; give: Updatable models (.mlmodel), recipes (.yaml) "
        "or Keras files (.h5, .keras) to compare.",
        "error: bad.yaml:1: modles: is no setting; did you mean models?",
        "error: bad.yaml:2: users.simulated.cont: is no setting; did you mean count?",
        "error: bad.yaml:2: users.simulated.shifts.rotation: must be 180 or less, not 200",
        "error: bad.yaml:3: settings.epochs: 1 is given twice; keep one of them",
        "error: bad.yaml:3: settings.learning_rate.0: 0 means that nothing is learned; it must be "
        "more than 0",
        "error: bad.yaml:5: seeds: is empty; name at least one, or remove it",
        "error: bad.yaml:6: samples: must be a list such as [a, b], not 5",
    ]


WRONG = {
    "no users": (["tiny.mlmodel"], 2, "whose samples? give --users or --simulate"),
    "a study and a model": (["s.yaml", "tiny.mlmodel"], 2, "give one study in YAML, or models"),
    "no study": (["none.yaml"], 1, "none.yaml: cannot be read"),
    "no model": (["none.mlmodel", "--users", "users.npz"], 1, "none.mlmodel: "),
    "no such users": (["tiny.mlmodel", "--users", "none"], 1, "none: there is no such file"),
    "no such shift": (["s.yaml", "--shift", "rotaton=3"], 2, "did you mean rotation?"),
    "too wide a shift": (["s.yaml", "--shift", "inversion=2"], 2, "inversion: must be 1 or"),
    "a rate of 0": (["s.yaml", "--learning-rate", "0"], 2, "--learning-rate: 0 means that nothing"),
    "a momentum of 1": (["s.yaml", "--momentum", "1"], 2, "--momentum: 1 must be below 1"),
    "too many trainings": (
        ["s.yaml", "--epochs", ",".join(map(str, range(1, 6001)))], 2, "10000 are the most",
    ),
    "no such scheduler file": (
        ["s.yaml", "--scheduler-file", "none", "--seeds", "9"], 2, "none: cannot be read",
    ),
    "little memory": (["s.yaml", "--memory-limit", "1KB"], 2, "--memory-limit: '1KB' is no amount"),
    "another database": (["s.yaml", "--results", "other.db"], 1, "is a database, but none of a st"),
    "no results": (["s.yaml", "--results", "text.results"], 1, "cannot be used for results"),
    "a mistyped command": (["inti"], 2, "no file 'inti'; did you mean init"),
    "a model without a recipe": (
        ["plain.mlmodel", "--users", "users.npz", "--samples", "4", "--test-samples", "10",
         "--scale", "1/255", "--write-recipe", "r.yaml"], 2,
        "plain carries no recipe",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "code", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_ends_in_one_line_and_writes_nothing(line, code, words, capsys):
    Path("text.results").write_text("these are no results at all, but text")
    with closing(sqlite3.connect("other.db")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS mine (x)")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert cli.run(["study", *line]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    (said,) = [text for text in printed.err.splitlines() if not text.startswith("note: ")]
    assert said.startswith("error: ")
    assert words in said
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_a_recipe_that_is_a_model_of_the_study_is_not_written_over(capsys):
    Path("base.yaml").write_text("model: net.h5\n")
    Path("r.yaml").write_text(STUDY.replace("tiny.mlmodel", "base.yaml"))
    assert cli.run(["study", "r.yaml", "--write-recipe", "base.yaml"]) == 1
    assert "is the same file as the input models base.yaml" in capsys.readouterr().err


def test_without_dask_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.delitem(sys.modules, "converter.studies.cluster", raising=False)
    monkeypatch.delattr(studies, "cluster", raising=False)
    assert cli.run(["study", "s.yaml"]) == 1
    expected = (
        "error: a study needs Dask; run in the clone of make-updatable: pip install '.[study]'\n"
    )
    assert capsys.readouterr() == ("", expected)
