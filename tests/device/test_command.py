"""``make-updatable verify --on-device`` as a real process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from converter import cli, device
from converter.cli.device_check import run_device_check
from converter.coreml import mlmodel
from converter.coreml.subject import subject
from converter.device import job, reference
from converter.device.batch import Batch
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


@pytest.mark.slow
def test_bad_input_is_one_line(tmp_path):
    spec = build()
    spec.isUpdatable = False
    mlmodel.write(spec, tmp_path / "frozen.mlmodel")
    for name, words in (("missing.mlmodel", "cannot be read"), ("frozen.mlmodel", "not updatable")):
        done = run("verify", name, "--on-device", folder=tmp_path)
        assert done.returncode == 1
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_the_arrays_of_a_verdict_are_written_over_no_input(tmp_path, capsys):
    mlmodel.write(build(), tmp_path / "m.mlmodel")
    data = tmp_path / "v.arrays.npz"
    np.savez(data, x=np.zeros((6, 4, 4, 1)), y=np.zeros(6))
    before = data.read_bytes()
    command = ["verify", tmp_path / "m.mlmodel", "--on-device", "--data", data, "-o",
               tmp_path / "v.json"]  # fmt: skip
    assert cli.run(list(map(str, command))) == 1
    assert "v.arrays.npz: is the same file as the input --data" in capsys.readouterr().err
    assert data.read_bytes() == before
    assert not (tmp_path / "v.json").exists()


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
    assert "FAILED   predictions are those of the reference runtime" in printed.out
    assert "ok       every updatable layer has changed" in printed.out
    assert "loss     mini-batch end, epoch 0, mini-batch 1: 1.25 (reference runtime" in printed.out
    assert "failed: predictions are those of the reference runtime" in printed.err
    verdict = json.loads(record.read_text(), parse_constant=pytest.fail)
    assert verdict["outcome"] == "failed"
    assert len(verdict["checks"]) == 10
    # Six samples; of the mini-batches that the file allows, 4 and 8, the smaller one, and a rest.
    facts = verdict["facts"]
    assert (facts["samples"], facts["batch_size"]) == (6, 4)
    assert set(facts["reference"]) == {"second weights", "second biases"}
    assert (facts["system"], facts["compute_units"]) == (facts["system"], "CPU only")
    with np.load(tmp_path / verdict["arrays"]) as arrays:
        found = dict(arrays)
    chosen = subject(build())
    batch = Batch({"image": images.transpose(0, 3, 1, 2)}, np.array([2, 0, 1, 2, 0, 1]))
    steps = reference.steps(chosen, batch, job.Settings(1, 4))
    for key in ("weights", "biases"):
        np.testing.assert_array_equal(found[f"reference/second/{key}"], steps.weights[f"1.{key}"])
        step = found[f"after/second/{key}"] - found[f"file/second/{key}"]
        np.testing.assert_allclose(step, 0.25, atol=1e-6)
        np.testing.assert_array_equal(found[f"reloaded/second/{key}"], found[f"after/second/{key}"])
    np.testing.assert_array_equal(found["samples/image"], batch.inputs["image"])
    assert found["samples/answers"].tolist() == [2, 0, 1, 2, 0, 1]
    assert found["predicted/reloaded/output"].shape == (6, 2)
    ours = [(told["event"], told["reference"]) for told in facts["told"]]
    (losses,) = steps.losses
    assert len(losses) == 2
    assert ours == [
        ("mini-batch end", losses[0]), ("mini-batch end", losses[1]),
        ("epoch end", losses[1]), ("completion", losses[1]),
    ]  # fmt: skip
    assert facts["told"][-1]["reference_mean"] == sum(losses) / 2
