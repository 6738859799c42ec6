"""What ``--knn`` and ``--default-label`` take on the command line."""

import pytest

from converter import cli
from converter.cli.convert import command
from tests.converting import small_cnn


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
    (param,) = [param for param in command.params if param.name == "default_label"]
    assert param.callback(None, param, text) == label
