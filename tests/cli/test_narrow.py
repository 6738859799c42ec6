"""Names on a real terminal of any width, and in a pipe: they are what ``--layers`` takes."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from converter.backend.tensorflow import keras
from converter.coreml import mlmodel
from tests.lower.oracle import sequential
from tests.runtime.updatable import digits

L = keras.layers
SCRIPT = Path(sys.executable).with_name("make-updatable")
LONG = "a_backbone_of_many_blocks/block14_sepconv2_act_and_a_very_long_end_of_a_name" * 3
NAMES = ("block1_conv1", "x" * 45, LONG)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A model with layers that have long names."""
    spec = digits()
    for layer, name in zip(spec.neuralNetwork.layers[:3], NAMES, strict=True):
        layer.name = name
    path = tmp_path_factory.mktemp("narrow") / "model.mlmodel"
    mlmodel.write(spec, path)
    return path


def names(path):
    return [layer.name for layer in mlmodel.read(path).neuralNetwork.layers]


def on_a_terminal(columns, *arguments):
    """Run the command on a terminal of so many columns; return its lines without their colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: text for key, text in os.environ.items() if key != "COLUMNS"}
    process = subprocess.Popen(
        [SCRIPT, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**environment, "TERM": "xterm-256color", "NO_COLOR": "1"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while part := _read(ours):
        shown += part
    os.close(ours)
    assert process.wait() == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r\n", "\n").split("\n")


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 60, 80])
def test_no_terminal_is_too_narrow_for_a_name(file, columns):
    lines = on_a_terminal(columns, "inspect", file)
    for name in names(file):
        assert any(name in line for line in lines), name
    assert not any(re.search(r"\S…|…\S", line) for line in lines)
    tables = [line for line in lines if line.startswith("│")]
    assert all(len(line) <= columns for line in tables)


@pytest.mark.slow
def test_of_a_keras_file_neither(tmp_path):
    """What each choice says to --layers stands in one line, for the terminal alone to break."""
    source = tmp_path / "model.keras"
    layers = [L.Dense(3, name=f"of_keras_{name}".replace("/", ".")) for name in NAMES]
    sequential((4,), *layers, L.Dense(2, "softmax", name="head")).save(source)
    lines = on_a_terminal(40, "inspect", source, "--advise", "--quiet")
    assert not [line for line in lines if "│" in line]
    for layer in layers:
        assert layer.name in lines
    assert [line for line in lines if line == f"from {layers[1].name} on"]
    everything = ",".join([layer.name for layer in layers] + ["head"])
    assert f"all that can learn: --layers {everything}" in lines


@pytest.mark.parametrize("columns", ["20", None])
def test_a_pipe_has_no_width(file, columns):
    environment = {key: text for key, text in os.environ.items() if key != "COLUMNS"}
    environment |= {"COLUMNS": columns} if columns else {}
    done = subprocess.run(
        [SCRIPT, "inspect", file], capture_output=True, text=True, env=environment, check=True
    )
    rows = [line.split("│")[1].strip() for line in done.stdout.splitlines() if "│" in line]
    assert rows == names(file)
