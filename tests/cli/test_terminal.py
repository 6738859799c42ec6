"""Terminal manners: progress on terminals only, --quiet, --verbose, --version, completion."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from converter import __version__, cli
from converter.coreml import mlmodel
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


@pytest.mark.slow
def test_the_main_job_on_a_terminal_shows_the_steps_and_keeps_nothing_of_them(tmp_path):
    command = [LENET, "--layers", "dense_5,dense_6"]
    output, shown = on_a_terminal(*command, folder=tmp_path, NO_COLOR="1", COLUMNS="120")
    assert [path.name for path in tmp_path.iterdir()] == ["lenetUpdatable.mlmodel"]
    spec = mlmodel.read(tmp_path / "lenetUpdatable.mlmodel")
    assert spec.specificationVersion == 4
    assert [layer.name for layer in mlmodel.updatable_layers(spec)] == ["dense_5", "dense_6"]
    for words in (
        "dense_5 ", "innerProduct", "576,500", "frozen", "updatable", "categorical_crossentropy",
        "adam: learning_rate 0.001 (0 … 1)", "output_true: int32 [1]", "parity",
    ):  # fmt: skip
        assert words in output
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


def completed(words):
    """Return what click completes the last of `words` with, as (type, value)."""
    before, last = words.rsplit(" ", 1) if " " in words else ("", words)
    shell = ShellComplete(cli.root, {}, "make-updatable", "_MAKE_UPDATABLE_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(before.split(), last)]


def plain(*values):
    return [("plain", value) for value in values]


def test_commands_and_options_are_completed_those_of_the_default_command_too():
    assert completed("ins") == [("file", "ins"), *plain("inspect")]
    assert completed("model.h5 --laye") == plain("--layers")
    assert completed("convert model.h5 --optimizer s") == plain("sgd")
    assert completed("recipe ch") == plain("check")


NO_FILES = {
    "--layers", "--output", "--input-shape", "--bias", "--input-name", "--output-name",
    "--label-name", "--ignore", "--explain", "--scale", "--resource",
    "--signature", "--knn", "--default-label", "--scheduler", "--memory-limit",
}  # fmt: skip
"""Options that take a text which is not the name of a file."""


def parameters(command, path):
    """Yield every argument and option below `command`, after the words that lead there."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from parameters(command.get_command(context, name), [*path, name])
    for param in command.params:
        yield path, param


def test_files_are_completed_everywhere():
    tried = set()
    for path, param in parameters(cli.root, []):
        if isinstance(param.type, click.Path):
            flag = [param.opts[-1]] if isinstance(param, click.Option) else []
            assert ("file", "x/y") in completed(" ".join([*path, *flag, "x/y"])), (path, param.name)
            tried.add((*path, param.name))
        elif isinstance(param.type, type(click.STRING)):
            assert param.is_flag or param.opts[0] in NO_FILES, (path, param.name)
    assert {("train", "data"), ("train", "test"), ("verify", "against"), ("convert", "classes"),
            ("validate", "files"), ("recipe", "check", "files")} <= tried  # fmt: skip
    assert completed("x/y") == [("file", "x/y")]
    assert completed("predict m.mlmodel --data ci") == [
        ("file", "ci"), *plain("cifar10", "cifar100"),
    ]  # fmt: skip
