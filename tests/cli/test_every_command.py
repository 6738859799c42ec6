"""Every command: what --quiet, --verbose and --json do is the same in all of them."""

import json
import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from converter import cli
from converter.coreml import mlmodel
from converter.studies.reading import read
from converter.studies.store import Store
from tests.calibration.records import record_of
from tests.cli.walk import LEAVES
from tests.converting import convert, small_cnn
from tests.studies.small import here, prepare, run, write_all
from tests.weights import espresso
from tests.weights.test_average import personal

STUDY = """\
models: [tiny.mlmodel]
users: {simulated: {data: common.npz, count: 3, shifts: {inversion: 1}}}
scale: 1/255
settings: {learning_rate: [0.5]}
samples: [4]
test_samples: 10
seeds: [0]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with everything that the commands read."""
    folder = tmp_path_factory.mktemp("commands")
    model = small_cnn()
    model.save(folder / "model.keras")
    spec, _ = convert(model, folder, verify=False)
    mlmodel.write(spec, folder / "Model.mlmodel")
    mlmodel.write(personal(1, spec), folder / "Personal.mlmodel")
    espresso.write(personal(1, spec), folder / "Personal.mlmodelc")
    x = np.random.default_rng(0).random((12, 8, 8, 3), np.float32)
    np.savez(folder / "data.npz", x=x, y=np.arange(12) % 4)
    (folder / "recipe.yaml").write_text("model: model.keras\nlayers: [dense_6]\nverify: false\n")
    (folder / "record.json").write_text(json.dumps(record_of().as_dict()))
    write_all(folder)
    (folder / "study.yaml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch, closing(Store(folder / "study.results")) as store:
        patch.chdir(folder)
        run(prepare(read(Path("study.yaml"))), store, here)
        assert cli.run(["weights", "get", "Model.mlmodel", "-o", "weights.npz", "-q"]) == 0
    return folder


@pytest.fixture(autouse=True)
def in_folder(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    capsys.readouterr()


DATA = ["--data", "data.npz", "--layout", "nhwc"]
NOTHING = {
    "convert": ["model.keras", "--no-verify", "-o", "out.mlmodel"],
    "validate": ["Model.mlmodel"],
    "recipe init": ["model.keras", "--force"],
    "recipe check": ["recipe.yaml"],
    "train": ["Model.mlmodel", *DATA, "--epochs", "1", "-o", "out.mlmodel"],
    "weights get": ["Model.mlmodel", "-o", "out.npz"],
    "weights set": ["Model.mlmodel", "weights.npz", "-o", "out.mlmodel"],
    "weights average": ["Model.mlmodel", "Personal.mlmodel", "-o", "out.mlmodel"],
    "weights adopt": ["Personal.mlmodelc", "--into", "Model.mlmodel", "-o", "out.mlmodel"],
    "extract": ["Model.mlmodel", "--into", "model.keras", "-o", "out.keras"],
    "verify": ["Model.mlmodel", "--against", "model.keras", "--steps", "1"],
    "study run": ["study.yaml"],
    "study init": ["Model.mlmodel", "--force"],
    "swift": ["Model.mlmodel", "--force"],
}
"""Command -> arguments with which it does its work: it writes, or its exit code tells."""

ANSWER = {
    "inspect": ["model.keras"],
    "recipe show": ["recipe.yaml"],
    "recipe schema": [],
    "evaluate": ["Model.mlmodel", *DATA],
    "predict": ["Model.mlmodel", *DATA],
    "weights list": ["Model.mlmodel"],
    "weights diff": ["Model.mlmodel", "Personal.mlmodel"],
    "calibrate": ["record.json"],
    "study schema": [],
    "completion": ["bash"],
}
"""Command -> arguments with which it gives an answer, which is what was asked for."""

WITHOUT_JSON = {
    "recipe init": "writes YAML",
    "recipe schema": "prints JSON as it is",
    "study init": "writes YAML",
    "study schema": "prints JSON as it is",
    "weights get": "writes an archive, and has no result",
    "weights set": "writes a model, and has no result",
    "weights average": "writes a model, and has no result",
    "weights adopt": "writes a model, and has no result",
    "swift": "writes Swift, and has no result",
    "completion": "prints a script",
}
"""Command -> why it has no --json."""


def called(name, *flags):
    arguments = {**NOTHING, **ANSWER}[name]
    return cli.run([*name.split(), *arguments, *flags])


def test_every_command_stands_in_one_of_the_tables():
    assert {*NOTHING, *ANSWER} == set(LEAVES)
    assert not set(NOTHING) & set(ANSWER)
    with_json = {name for name, command in LEAVES.items() if "as_json" in vars_of(command)}
    assert with_json == set(LEAVES) - set(WITHOUT_JSON)


def vars_of(command):
    return {param.name for param in command.params}


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTHING)
def test_quiet_prints_nothing_of_what_is_done(name, capsys):
    assert called(name, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ANSWER)
def test_quiet_prints_the_answer_alone(name, capsys):
    assert called(name, "--quiet") == 0
    answer, errors = capsys.readouterr()
    assert errors == ""
    assert called(name) == 0
    assert capsys.readouterr().out == answer != ""


@pytest.mark.slow
@pytest.mark.parametrize("name", LEAVES)
def test_verbose_tells_every_step_with_its_time(name, capsys):
    assert called(name, "--verbose") == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if re.search(r": \d+\.\d s$", line)]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in LEAVES if name not in WITHOUT_JSON])
def test_json_is_printed_alone_quiet_or_not(name, capsys):
    printed = []
    for flags in (["--json"], ["--json", "--quiet"]):
        assert called(name, *flags) == 0
        printed.append(json.loads(capsys.readouterr().out))
    assert printed[0].keys() == printed[1].keys()


@pytest.mark.parametrize("name", LEAVES)
def test_quiet_and_verbose_exclude_each_other(name, capsys):
    assert called(name, "--quiet", "--verbose") == 2
    expected = "error: --quiet and --verbose exclude each other; leave one out\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize("name", ["convert", "verify"])
def test_where_core_ml_may_be_run_the_help_says_what_4_means(name, capsys):
    assert cli.run([name, "--help"]) == 0
    assert "4 Core ML could not be run here (--on-device)" in " ".join(
        capsys.readouterr().out.split()
    )


def test_json_of_what_was_learned_and_answered(capsys):
    assert called("train", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["file"], found["samples"]) == ("out.mlmodel", 12)
    assert found["size"] == Path("out.mlmodel").stat().st_size
    assert len(found["epochs"]) == 1
    assert called("predict", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["samples"] == len(found["answers"]) == 12
    assert {answer["class"] for answer in found["answers"]} <= set("0123")
    assert called("extract", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["variables"]
    assert found["file"] == "out.keras"


def test_json_of_recipes_tells_the_mistakes(capsys):
    Path("bad.yaml").write_text("model: nowhere.keras\nlayer: a\n")
    assert cli.run(["recipe", "check", "recipe.yaml", "bad.yaml", "--json"]) == 1
    good, bad = json.loads(capsys.readouterr().out)["recipes"]
    assert good == {"file": "recipe.yaml", "mistakes": [], "notes": []}
    assert bad["file"] == "bad.yaml"
    assert "layer" in bad["mistakes"][0]
