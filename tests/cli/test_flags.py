"""What --quiet, --verbose and --json do, which is the same in every command that has them."""

import json
import re
from pathlib import Path

import pytest

from converter import cli
from converter.backend.tensorflow import keras
from converter.coreml import mlmodel
from tests.paths import ZOO
from tests.runtime.updatable import MNIST, adam, digits

L = keras.layers
DATA = ["--data", str(MNIST), "--scale", "1/255"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    mlmodel.write(digits(optimizer=adam()), tmp_path / "digits.mlmodel")
    Path("r.yaml").write_text(f"model: {ZOO / 'tf215_hdf5.h5'}\n")
    capsys.readouterr()


QUIET = {
    "train": ["train", "digits.mlmodel", *DATA, "--epochs", "1", "--history", "h.csv"],
    "predict": ["predict", "digits.mlmodel", *DATA, "-o", "p.csv"],
    "swift": ["swift", "digits.mlmodel"],
    "validate": ["validate", "digits.mlmodel"],
    "recipe check": ["recipe", "check", "r.yaml"],
}


@pytest.mark.slow
@pytest.mark.parametrize("line", QUIET.values(), ids=QUIET)
def test_quiet_prints_nothing_if_all_is_well(line, capsys):
    assert cli.run([*line, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert cli.run([*line, *{"swift": ["--force"], "train": ["--force"]}.get(line[0], [])]) == 0
    assert "".join(capsys.readouterr()) != ""


def test_a_quiet_validation_prints_what_makes_it_fail(capsys):
    spec = digits()
    spec.neuralNetwork.updateParams.lossLayers[0].name = ""
    mlmodel.write(spec, Path("warned.mlmodel"))
    assert cli.run(["validate", "warned.mlmodel"]) == 0
    assert "O223 warning" in capsys.readouterr().out
    assert cli.run(["validate", "warned.mlmodel", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert cli.run(["validate", "warned.mlmodel", "--quiet", "--strict"]) == 1
    assert "O223 warning" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "steps"),
    [
        (["train", "digits.mlmodel", *DATA, "--epochs", "1"], ["starting TensorFlow", "reading"]),
        (["evaluate", "digits.mlmodel", *DATA], ["starting TensorFlow", "reading", "computing"]),
        (["predict", "digits.mlmodel", *DATA], ["starting TensorFlow", "reading", "computing"]),
    ],
    ids=["train", "evaluate", "predict"],
)
def test_verbose_tells_every_step_with_its_time(line, steps, capsys):
    assert cli.run([*line, "--verbose"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(steps)
    for printed, step in zip(lines, steps, strict=True):
        assert re.fullmatch(rf"{step}.*: \d+\.\d s", printed)


def test_json_of_an_evaluation(capsys):
    assert cli.run(["evaluate", "digits.mlmodel", *DATA]) == 0
    words = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert cli.run(["evaluate", "digits.mlmodel", *DATA, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["samples"] == 400
    assert f"{found['loss']:.6f}" == words["loss"]
    assert f"{found['accuracy']:.6f}" == words["accuracy"]


@pytest.mark.slow
def test_json_of_a_verdict_is_printed_and_written(capsys):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), L.Dense(3, activation="softmax", name="head")])
    model.compile("adam", "categorical_crossentropy")
    model.save("m.keras")
    assert cli.run(["m.keras", "-o", "m.mlmodel", "-q"]) == 0
    line = ["verify", "m.mlmodel", "--against", "m.keras", "--steps", "2"]
    capsys.readouterr()
    assert cli.run([*line, "--json", "-o", "v.json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert printed.err == ""
    assert found == json.loads(Path("v.json").read_text())
    assert (found["model"], found["against"], found["steps"]) == ("m.mlmodel", "m.keras", 2)
    assert found["outcome"] == "passed"
    assert {tensor["name"] for tensor in found["tensors"]} == {"head.weights", "head.bias"}
    assert (
        found["update"]
        == max(max(tensor["gradient"], tensor["step"]) for tensor in found["tensors"])
        <= 1e-4
    )
    assert cli.run([*line, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert cli.run([*line, "--tolerance", "1e-30", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["outcome"] == "failed"
