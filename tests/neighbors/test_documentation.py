"""What the page on nearest neighbours tells to type works, and its links lead somewhere."""

import re
import shlex
import shutil

import numpy as np
import pytest

from converter import cli
from converter.coreml import mlmodel, neighbors
from converter.coreml.pipelines import learner
from tests.converting import small_cnn
from tests.paths import MODELS, ROOT

PAGE = (ROOT / "docs" / "neighbors.md").read_text()


def commands():
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL):
        yield from (shlex.split(line)[1:] for line in block.splitlines())


def test_its_commands_do_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(MODELS / "lenet.h5", "lenet.h5")
    pixels = np.random.default_rng(0).uniform(size=(6, 28, 28, 1)).astype(np.float32)
    np.savez("digits.npz", x=pixels, y=[3, 1, 4, 1, 5, 9])
    found = list(commands())
    assert len(found) == 9
    for command in found:
        assert cli.run(command) == 0, (command, capsys.readouterr())
    printed = capsys.readouterr().out
    assert "6 of 5 classes (3: 1, 1: 2, 4: 1, 5: 1, 9: 1)" in printed
    kept = neighbors.read(learner(mlmodel.read(tmp_path / "Mine.mlmodel")))
    assert kept.labels == (3, 1, 4, 1, 5, 9) * 2  # shipped with six, to which six were added
    assert (kept.count, kept.choices, kept.dimensions) == (5, range(1, 1001), 500)


def test_its_options_exist():
    known = {option for param in cli_options() for option in param.opts}
    assert set(re.findall(r"`(--knn[a-z-]*|--neighbors|--default-label)", PAGE)) <= known


def cli_options():
    from converter.cli.convert import command

    return command.params


@pytest.mark.parametrize("given", [["--knn", "m.keras"], ["m.keras", "--knn"]])
def test_a_file_behind_the_option_is_no_layer(given, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small_cnn().save("m.keras")
    assert cli.run(["convert", *given, "-o", "m.mlmodel", "--no-verify"]) == 0
    assert "the 6 numbers of layer 'dense_5' (Dense)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "label"),
    [("-7", -7), ("--7", "--7"), ("²", "²"), ("9" * 5000, "9" * 5000), ("x", "x")],
)
def test_a_label_is_a_number_if_it_is_one(text, label):
    (param,) = [param for param in cli_options() if param.name == "default_label"]
    assert param.callback(None, param, text) == label
