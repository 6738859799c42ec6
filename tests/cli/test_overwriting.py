"""One policy for what is there already: a name that the user gave is overwritten, no other is."""

from pathlib import Path

import pytest

from converter import cli
from converter.coreml import mlmodel
from tests.paths import MODELS
from tests.runtime.updatable import MNIST, adam, digits

LENET = str(MODELS / "lenet.h5")
TRAINED = ["train", "digits.mlmodel", "--data", str(MNIST), "--scale", "1/255", "--epochs", "1"]

DEFAULTS = {
    "convert": ([LENET, "--layers", "dense_6", "--no-verify"], "lenetUpdatable.mlmodel"),
    "a recipe": (["r.yaml"], "lenetUpdatable.mlmodel"),
    "train": (TRAINED, "digitsTrained.mlmodel"),
    "swift": (["swift", "digits.mlmodel"], "DigitsTrainer.swift"),
    "recipe init": (["recipe", "init", LENET], "lenet.yaml"),
    "study init": (["study", "init", "digits.mlmodel"], "digitsStudy.yaml"),
}
"""Command -> a line without a name for the result, and the default name."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mlmodel.write(digits(optimizer=adam()), tmp_path / "digits.mlmodel")
    Path("r.yaml").write_text(f"model: {LENET}\nlayers: [dense_6]\nverify: false\n")


@pytest.mark.slow
@pytest.mark.parametrize("command", DEFAULTS)
def test_a_default_name_that_exists_is_refused_unless_forced(command, capsys):
    line, name = DEFAULTS[command]
    Path(name).write_bytes(b"mine")
    assert cli.run([*line, "-q"]) == 1
    expected = f"error: {name}: exists already; to overwrite it, name it with -o or say --force\n"
    assert capsys.readouterr() == ("", expected)
    assert Path(name).read_bytes() == b"mine"
    assert cli.run([*line, "-q", "--force"]) == 0
    assert capsys.readouterr() == ("", "")
    forced = Path(name).read_bytes()
    assert len(forced) > 1000
    Path(name).write_bytes(b"mine")
    assert cli.run([*line, "-q", "-o", name]) == 0
    assert Path(name).read_bytes()[:100] == forced[:100]


def test_what_a_recipe_names_is_overwritten(capsys):
    recipe = Path("r.yaml")
    recipe.write_text(f"{recipe.read_text()}output_path: out.mlmodel\n")
    Path("out.mlmodel").write_bytes(b"old")
    assert cli.run(["r.yaml", "-q"]) == 0
    assert Path("out.mlmodel").stat().st_size > 1000


def test_what_is_in_a_folder_that_the_user_named_is_overwritten(capsys):
    target = Path("build/lenetUpdatable.mlmodel")
    target.parent.mkdir()
    target.write_bytes(b"old")
    assert cli.run(["r.yaml", "-q", "-o", "build"]) == 0
    assert target.stat().st_size > 1000
