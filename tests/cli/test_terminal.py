"""Terminal manners: progress on terminals only, --quiet, --verbose, --version, completion."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from converter import __version__, cli
from tests.paths import MODELS

LENET = MODELS / "lenet.h5"
SCRIPT = Path(sys.executable).with_name("make-updatable")
FLAGS = ["--layers", "dense_6", "--no-verify"]


def on_a_terminal(*arguments, folder, **environment):
    """Run the command with standard error on a terminal; return its output and what that shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [SCRIPT, *map(str, arguments)], stdout=subprocess.PIPE, stderr=theirs, cwd=folder,
        env={**os.environ, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    output = process.stdout.read().decode()
    process.stdout.close()
    assert process.wait() == 0
    return output, shown.decode()


def test_a_terminal_shows_the_steps_and_keeps_nothing_of_them(tmp_path):
    output, shown = on_a_terminal(LENET, *FLAGS, folder=tmp_path, NO_COLOR="1")
    assert "starting TensorFlow" in shown
    for greeting in ("has not been tested", "Failed to load", "tensorflow/core", "WARNING"):
        assert greeting not in shown
    assert "wrote lenetUpdatable.mlmodel" in output
    assert "\x1b" not in output
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", shown)  # NO_COLOR: no colours
    assert shown.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))  # the line is taken away again


def test_pipes_get_no_progress_and_quiet_means_quiet(tmp_path, capfd):
    assert cli.run([str(LENET), *FLAGS, "-o", str(tmp_path / "a.mlmodel")]) == 0
    output, errors = capfd.readouterr()
    assert "wrote" in output
    assert errors == ""
    assert cli.run([str(LENET), *FLAGS, "-o", str(tmp_path / "b.mlmodel"), "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")
    assert cli.run(["nowhere.h5", "--quiet"]) == 1
    assert "nowhere.h5" in capfd.readouterr().err


def test_verbose_tells_every_step_with_its_time(tmp_path, capfd):
    assert cli.run([str(LENET), *FLAGS, "-o", str(tmp_path / "a.mlmodel"), "-v"]) == 0
    lines = capfd.readouterr().err.splitlines()
    for step in ("starting TensorFlow", "reading the Keras file", "tracing", "lowering", "writing"):
        assert any(re.fullmatch(rf"{step}.*: \d+\.\d s", line) for line in lines), step


def test_version_names_what_it_runs_on(capsys):
    assert cli.run(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"make-updatable {__version__}"
    for name in ("Python 3", "coremltools ", "tensorflow ", "keras ", "numpy "):
        assert any(line.startswith(f"  {name}") for line in lines), name


def test_help_documents_the_exit_codes(capsys):
    assert cli.run(["--help"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for words in (
        "0 done",
        "2 wrong usage",
        "3 a bug of this tool",
        "130 interrupted",
        "4 Core ML",
    ):
        assert words in printed


USAGE = {
    "command": (["trian", "x", "--data", "y"], "no file 'trian'; did you mean train? (see make-u"),
    "no such word": (["lenet"], "there is no command and no file 'lenet' (see"),
    "command of a group": (["recipe", "chek", "x"], "no command 'chek'; did you mean check?"),
    "option": (["x.h5", "--lyers", "y"], "no option --lyers; did you mean --layers? (see"),
    "option of another command": (["validate", "--strct"], "mean --strict? (see make-updatable v"),
    "choice": (["completion"], "Choose from: bash, zsh, fish (see make-updatable"),
    "value": (["x.h5", "--image", "rbg"], "'rbg' is not one of 'rgb', 'bgr', 'gray' (see"),
    "argument": (["convert"], "Missing argument 'MODEL' (see make-updatable convert --help)"),
    "no value": (["train", "--epochs"], "Option '--epochs' requires an argument"),
    "required option": (["train", "m.mlmodel"], "Missing option '--data' (see make-updatable"),
}  # fmt: skip


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage_is_one_line_that_names_what_was_meant(name, capsys):
    arguments, words = USAGE[name]
    assert cli.run(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert words in line


def test_a_file_may_be_called_like_a_word(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trian").write_bytes(b"%PDF-")
    assert cli.run(["trian"]) == 1
    assert "trian: is a PDF document" in capsys.readouterr().err


def test_a_group_without_a_command_prints_its_help(capsys):
    cli.run(["recipe"])  # with 0 in click 8.1, with 2 since 8.2
    assert "Commands:\n  check" in "".join(capsys.readouterr())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell, capsys):
    assert cli.run(["completion", shell]) == 0
    assert "_MAKE_UPDATABLE_COMPLETE" in capsys.readouterr().out


def completed(words, monkeypatch, capsys):
    monkeypatch.setenv("_MAKE_UPDATABLE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"make-updatable {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" "))))
    with pytest.raises(SystemExit):
        cli.run([])
    return [line.split(",")[1] for line in capsys.readouterr().out.split()]


def test_commands_and_options_are_completed_those_of_the_default_command_too(monkeypatch, capsys):
    assert completed("ins", monkeypatch, capsys) == ["inspect"]
    assert completed("model.h5 --lay", monkeypatch, capsys) == ["--layers"]
    assert completed("convert model.h5 --optimizer s", monkeypatch, capsys) == ["sgd"]
    assert completed("recipe ch", monkeypatch, capsys) == ["check"]
