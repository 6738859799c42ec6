"""Conversions of real files on the command line, and their errors.

As a real process that starts TensorFlow, the main job is in test_terminal.py, an error in
test_recipe.py.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from converter import cli
from converter.coreml import mlmodel
from tests.paths import MODELS, ZOO

LENET = MODELS / "lenet.h5"
SCRIPT = Path(sys.executable).with_name("make-updatable")


def test_all_layers_and_a_chosen_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["convert", str(LENET), "--layers", "*", "-o", "x.mlmodel"]) == 0
    spec = mlmodel.read(tmp_path / "x.mlmodel")
    names = [layer.name for layer in mlmodel.updatable_layers(spec)]
    assert names == ["conv2d_1", "conv2d_2", "dense_5", "dense_6"]


def test_the_colour_example_as_an_image_classifier(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = MODELS / "cats_dogs.keras"
    assert cli.run([str(source), "--image", "rgb", "--classes", "cat,dog"]) == 0
    spec = mlmodel.read(tmp_path / "cats_dogsUpdatable.mlmodel")
    assert spec.description.input[0].type.imageType.width == 150
    assert list(spec.neuralNetworkClassifier.stringClassLabels.vector) == ["cat", "dog"]


@pytest.mark.parametrize("image", [[], ["--image", "rgb"]])
def test_a_scale_and_a_bias_stand_in_for_a_lambda_on_the_input(image, tmp_path, capsys):
    source = ZOO / "keras122_steering_lambda.h5"
    target = tmp_path / "steering.mlmodel"
    arguments = [str(source), "-o", str(target), "--loss", "mean_squared_error", *image]
    assert cli.run(arguments) == 1
    assert "--scale" in capsys.readouterr().err
    assert cli.run([*arguments, "--scale", str(1 / 127.5), "--bias", "-1"]) == 0
    recipe = mlmodel.read(target).description.metadata.userDefined["make-updatable.recipe"]
    assert "scale" in recipe


def test_options_may_come_first(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["--layers", "dense_6", "--no-verify", str(LENET)]) == 0
    assert "not checked" in capsys.readouterr().out


def broken_files(folder):
    (folder / "truncated.h5").write_bytes(LENET.read_bytes()[:5000])
    (folder / "text.h5").write_text("not a model")
    (folder / "empty.keras").write_bytes(b"")
    (folder / "folder.h5").mkdir()


ERRORS = {
    "missing": (["nowhere.h5"], 1, "nowhere.h5"),
    "truncated": (["truncated.h5"], 1, "truncated.h5"),
    "text": (["text.h5"], 1, "text.h5"),
    "empty": (["empty.keras"], 1, "empty.keras"),
    "folder": (["folder.h5"], 1, "folder.h5"),
    "unknown layer": ([LENET, "--layers", "dense5"], 1, "did you mean dense_5"),
    "pooling layer": ([LENET, "--layers", "max_pooling2d_1"], 1, "no kernel"),
    "wrong ending": ([LENET, "-o", "x.h5"], 1, ".mlmodel"),
    "no such folder": ([LENET, "-o", "nowhere/x.mlmodel"], 1, "folder"),
    "no model": ([], 2, "Missing argument"),
    "unknown option": ([LENET, "--layer", "x"], 2, "--layer"),
    "no number": ([LENET, "--epochs", "many"], 2, "--epochs"),
    "no epochs": ([LENET, "--epochs", "0"], 2, "--epochs"),
    "labels": ([LENET, "--classes", "a,b"], 2, "2 class labels for 10 outputs"),
    "colour": ([LENET, "--image", "rgb"], 2, "--image rgb"),
    "tolerance": ([LENET, "--tolerance", "0"], 2, "--tolerance"),
    "rate": ([LENET, "--learning-rate", "-1"], 2, "--learning-rate: -1 is negative"),
}


@pytest.fixture
def refused(tmp_path, monkeypatch, capfd):
    """Return a function that gives what is printed for an error, which leaves nothing behind."""
    monkeypatch.chdir(tmp_path)
    broken_files(tmp_path)
    before = sorted(tmp_path.iterdir())

    def printed(name):
        arguments, code, words = ERRORS[name]
        assert cli.run(["convert", *map(str, arguments)]) == code
        assert sorted(tmp_path.iterdir()) == before
        printed = capfd.readouterr().err
        assert words in printed
        assert "Traceback" not in printed
        return printed

    return printed


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_one_line_with_the_documented_code_and_leave_nothing(name, refused):
    assert len(refused(name).splitlines()) == 1


def test_errors_end_a_real_process_the_same_way(tmp_path):
    broken_files(tmp_path)
    arguments, code, words = ERRORS["text"]
    done = subprocess.run(
        [SCRIPT, "convert", *arguments], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_an_existing_output_survives_a_failure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "lenetUpdatable.mlmodel"
    target.write_bytes(b"precious")
    assert cli.run([str(LENET), "--layers", "nothing"]) == 1
    assert target.read_bytes() == b"precious"


def test_the_input_is_never_overwritten(tmp_path):
    source = tmp_path / "model.mlmodel"
    shutil.copy(LENET, source)
    assert cli.run([str(source), "-o", str(source)]) == 1
    assert source.read_bytes() == LENET.read_bytes()


def test_the_input_is_not_overwritten_through_a_link(tmp_path):
    source, link = tmp_path / "model.h5", tmp_path / "link.mlmodel"
    shutil.copy(LENET, source)
    link.symlink_to(source)
    assert cli.run([str(source), "-o", str(link)]) == 1
    assert source.read_bytes() == LENET.read_bytes()


def test_the_recorded_accuracy_is_above_the_promise():
    assert json.loads((MODELS / "lenet.json").read_text())["test_accuracy"] > 0.98
