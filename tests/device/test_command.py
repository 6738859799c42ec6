"""``make-updatable verify --on-device`` as a real process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from converter import mlmodel
from tests.device.specs import build

SCRIPT = Path(sys.executable).with_name("make-updatable")


def run(*arguments, folder):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [SCRIPT, *map(str, arguments)], capture_output=True, text=True, cwd=folder, env=environment
    )


@pytest.mark.skipif(sys.platform == "darwin", reason="here Core ML would run")
def test_elsewhere_not_run_is_said_and_has_its_own_exit_code(tmp_path):
    path = tmp_path / "model.mlmodel"
    mlmodel.write(build(), path)
    before = path.read_bytes()
    done = run("verify", path, "--on-device", "--json", "v.json", folder=tmp_path)
    assert done.returncode == 4
    assert done.stderr.strip().endswith("not run: Core ML runs on macOS only, and this is Linux")
    assert '"outcome": "not run"' in (tmp_path / "v.json").read_text()
    required = run("verify", path, "--on-device", "--require-update", folder=tmp_path)
    assert required.returncode == 1
    assert required.stdout == ""
    assert path.read_bytes() == before


def test_bad_input_is_one_line(tmp_path):
    spec = build()
    spec.isUpdatable = False
    mlmodel.write(spec, tmp_path / "frozen.mlmodel")
    for name, words in (("missing.mlmodel", "cannot be read"), ("frozen.mlmodel", "not updatable")):
        done = run("verify", name, "--on-device", folder=tmp_path)
        assert done.returncode == 1
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
