"""Streams that fail, encodings that lack characters, inputs that are no files: one line each."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from converter import cli
from tests.paths import FIXTURES
from tests.validation.specs import image_regression, lenet

pytestmark = pytest.mark.slow

SCRIPT = Path(sys.executable).with_name("make-updatable")
LAYER = "dichte_größe…"
FULL = Path("/dev/full")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model with a layer whose name ASCII cannot hold."""
    path = tmp_path_factory.mktemp("streams") / "Model.mlmodel"
    message = lenet()
    message.neuralNetwork.layers[4].name = LAYER
    path.write_bytes(message.SerializeToString())
    return path


def run(*arguments, before="", behind="", **environment):
    """Run the command in a shell; return its exit code, output and errors."""
    command = f'{before}"$0" "$@" {behind}'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command, SCRIPT, *map(str, arguments)],
        capture_output=True, env={**os.environ, **environment}, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


PRINTING = [
    ["--help"], ["--version"], ["validate", "--list-rules"], ["inspect", "MODEL"],
    ["inspect", "MODEL", "--json"], ["recipe", "schema"], ["completion", "bash"],
]  # fmt: skip


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_full_disk_ends_every_printing_command_in_one_line(model, arguments):
    arguments = [str(model) if part == "MODEL" else part for part in arguments]
    code, _, errors = run(*arguments, behind=">/dev/full")
    assert (code, errors) == (
        1, "error: standard output: cannot be written (No space left on device)\n",
    )  # fmt: skip


def test_a_closed_output_ends_in_one_line(model):
    code, _, errors = run("inspect", model, behind=">&-")
    assert (code, errors) == (
        1, "error: standard output: cannot be written (Bad file descriptor)\n",
    )  # fmt: skip


@pytest.mark.parametrize("behind", ["2>&-", "2>/dev/full"])
def test_errors_that_cannot_be_told_leave_the_exit_code(behind):
    assert run("inspect", "none.mlmodel", behind=behind)[0] == 1


def test_a_reader_that_has_enough_ends_the_command_quietly(model):
    assert run("inspect", model, behind="| true") == (141, "", "")


ASCII = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}


def test_what_ascii_cannot_hold_is_escaped(model):
    code, output, errors = run("inspect", model, **ASCII)
    assert (code, errors) == (0, "")
    assert r"dichte_gr\xf6\xdfe\u2026" in output


@pytest.mark.parametrize("style", ["json", "yaml"])
def test_data_stay_readable_in_ascii(model, style):
    code, output, errors = run("inspect", model, f"--{style}", **ASCII)
    assert (code, errors) == (0, "")
    found = (json.loads if style == "json" else yaml.safe_load)(output)
    assert LAYER in [layer["name"] for layer in found["layers"]]


def pipe(folder, name):
    path = folder / name
    os.mkfifo(path)
    return path


def listening(folder, name):
    path = folder / name
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(os.path.relpath(path))
    return path


def device(folder, name):
    path = folder / name
    path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize(
    ("make", "kind"), [(pipe, "a pipe"), (listening, "a socket"), (device, "a device")]
)
@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("m.mlmodel", ["validate", "IT"], 1),
        ("m.mlmodel", ["inspect", "IT"], 1),
        ("m.mlmodel", ["swift", "IT"], 1),
        ("m.mlmodel", ["recipe", "show", "IT"], 1),
        ("m.mlmodel", ["train", "IT", "--data", "mnist"], 1),
        ("m.keras", ["inspect", "IT"], 1),
        ("m.h5", ["convert", "IT"], 1),
        ("m.h5", ["recipe", "init", "IT", "-o", "-"], 1),
        ("d.npz", ["evaluate", "MODEL", "--data", "IT"], 1),
        ("d.png", ["predict", "PHOTO", "--data", "IT"], 1),
        ("r.yaml", ["recipe", "check", "IT"], 1),
        ("r.yaml", ["convert", "IT"], 1),
        ("labels.txt", ["convert", "KERAS", "--classes", "IT", "-o", "OUT"], 2),
    ],
)
def test_what_is_no_file_is_refused_before_it_is_opened(
    tmp_path, capsys, model, make, kind, name, arguments, code, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    photo = tmp_path / "Photo.mlmodel"
    photo.write_bytes(image_regression().SerializeToString())
    places = {
        "IT": make(tmp_path, name), "MODEL": model, "PHOTO": photo,
        "KERAS": FIXTURES / "keras_files/tf215_hdf5.h5", "OUT": tmp_path / "out.mlmodel",
    }  # fmt: skip
    assert cli.run([str(places.get(part, part)) for part in arguments]) == code
    said = capsys.readouterr()
    assert f"is {kind}, not a file; " in (said.out + said.err).replace("\n", " ")


def test_a_link_that_leads_nowhere_does_not_exist(tmp_path, capsys):
    link = tmp_path / "gone.mlmodel"
    link.symlink_to(tmp_path / "none")
    assert cli.run(["validate", str(link)]) == 2
    assert "gone.mlmodel: does not exist" in capsys.readouterr().err
