"""``make-updatable verify --on-device`` as a real process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from converter import device
from converter.cli.device_check import run_device_check
from converter.coreml import mlmodel
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
    done = run("verify", path, "--on-device", "-o", "v.json", folder=tmp_path)
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


def test_the_whole_way_on_a_stand_in_is_not_taken_for_core_ml(tmp_path, monkeypatch, capsys):
    """The user's data, the job, the child and the record; see ``stand_in/objc.py``.

    The stand-in predicts a constant, so the comparison with the reference runtime must fail.
    """
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "stand_in"))
    monkeypatch.setattr(device, "why_not_here", lambda: None)
    path, data, record = tmp_path / "m.mlmodel", tmp_path / "data.npz", tmp_path / "v.json"
    mlmodel.write(build(), path)
    images = np.random.default_rng(0).normal(size=(6, 4, 4, 1)).astype(np.float32)
    np.savez(data, x=images, y=np.array([2, 0, 1, 2, 0, 1]))
    code = run_device_check(path, str(data), timeout=60, require_update=True, out=record)
    printed = capsys.readouterr()
    assert code == 1
    assert "FAILED  what is frozen has not changed" in printed.out
    assert "ok      every updatable layer has changed" in printed.out
    assert "failed: what is frozen has not changed" in printed.err
    verdict = json.loads(record.read_text(), parse_constant=pytest.fail)
    assert verdict["outcome"] == "failed"
    assert len(verdict["checks"]) == 8
    # Six samples; of the mini-batches that the file allows, 4 and 8, the smaller one.
    assert (verdict["facts"]["samples"], verdict["facts"]["batch_size"]) == (4, 4)
    assert set(verdict["facts"]["reference"]) == {"second weights", "second biases"}
