"""Real processes: the worker's own Python on a stand-in for pyobjc, and every way it can end.

Nothing here says anything of Core ML; see ``stand_in/objc.py``.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from converter import device
from converter.coreml.subject import subject
from converter.device import child, job, reference
from converter.device.batch import random_batch
from converter.device.comparing import Expected
from converter.device.verdict import Outcome, judge
from tests.device.specs import INTERFACES, build

pytestmark = pytest.mark.slow

STAND_IN = Path(__file__).parent / "stand_in"


def prepared(folder, **interface):
    chosen = subject(build(**interface))
    settings = job.settings(chosen)
    job.write(folder, chosen, random_batch(chosen, settings.samples()), settings, 60)
    layers = list(chosen.layers())
    return Expected(
        [layer.layer.name for layer in layers],
        [n for n, layer in enumerate(layers) if layer.is_updatable],
        reference.stored_weights(chosen),
        settings.epochs,
    )


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_worker_goes_from_its_first_line_to_its_last(tmp_path, monkeypatch, interface):
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    expected = prepared(tmp_path, **INTERFACES[interface])
    ending = child.run(tmp_path, 60)
    assert ending.code == 0, ending.printed or ending.answer
    assert ending.answer["stage"] == "done"
    for key in expected.stored:
        if int(key.split(".")[0]) in expected.updatable:
            np.testing.assert_array_equal(ending.arrays[f"before.{key}"], expected.stored[key])
            step = ending.arrays[f"after.{key}"] - expected.stored[key]
            np.testing.assert_allclose(step, 0.25, atol=1e-6)
        else:
            np.testing.assert_array_equal(ending.arrays[f"frozen.{key}"], expected.stored[key])
    assert len(ending.arrays["predicted.reloaded.0"]) == 8
    batches = [(0, 0, 1.5), (0, 1, 1.25), (0, 2, 1.0)]
    told = [(each["epoch"], each["mini_batch"], each["loss"]) for each in ending.answer["told"]]
    assert told == [*batches, (0, None, 1.0), (None, None, 1.0)]
    assert ending.answer["troubles"] == []
    assert judge(expected, ending).outcome is Outcome.PASSED


def test_handlers_on_the_main_queue_are_called(tmp_path, monkeypatch):
    """Where they are called is not documented; waiting alone would keep them from it for ever."""
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    monkeypatch.setenv("STAND_IN", "main queue")
    expected = prepared(tmp_path)
    ending = child.run(tmp_path, 60)
    assert judge(expected, ending).outcome is Outcome.PASSED, ending


def test_a_written_model_that_cannot_be_loaded_takes_no_place(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    monkeypatch.setenv("STAND_IN", "unreadable")
    verdict = judge(prepared(tmp_path), child.run(tmp_path, 60))
    assert verdict.outcome is Outcome.FAILED
    assert verdict.reason.startswith("the model could not be loaded: the stand-in was told to fail")
    assert verdict.reason.endswith("(while writing the updated model)")
    assert not (tmp_path / "updated.mlmodelc").exists()


def test_what_core_ml_keeps_to_itself_is_unknown_and_ends_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    monkeypatch.setenv("STAND_IN", "secretive")
    expected = prepared(tmp_path)
    ending = child.run(tmp_path, 60)
    assert [each["loss"] for each in ending.answer["told"]] == [None, None, None, 1.0, None]
    assert (
        "when training began, weights of layer 'second' could not be read: a secret"
        in (ending.answer["troubles"])
    )
    verdict = judge(expected, ending)
    assert verdict.outcome is Outcome.PASSED, verdict
    unknown = [check.name for check in verdict.checks if check.passed is None]
    assert unknown == [
        "weights before are those of the file", "what is frozen has not changed",
        "predictions are those of the reference runtime",
    ]  # fmt: skip


def test_the_users_working_folder_is_not_on_pythons_path(tmp_path, monkeypatch):
    """Nor is the folder that this package is in, before Python's own: it may be a clone."""
    trap = tmp_path / "work"
    trap.mkdir()
    for name in ("json", "CoreML", "numpy", "converter"):
        (trap / f"{name}.py").write_text("raise SystemExit('the user has such a file')")
    monkeypatch.chdir(trap)
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    folder = tmp_path / "job"
    folder.mkdir()
    expected = prepared(folder)
    verdict = judge(expected, child.run(folder, 60))
    assert verdict.outcome is Outcome.PASSED, verdict
    show = "import sys; print(sys.path[0] or __import__('os').getcwd())"
    ending = child.run(folder, 60, [sys.executable, "-c", show])
    assert ending.printed == str(folder)


@pytest.mark.parametrize(
    ("mode", "outcome", "words"),
    [
        ("abort", Outcome.CRASHED, "SIGABRT while updating: libc++abi: terminating"),
        ("error", Outcome.FAILED, "told to fail (com.apple.CoreML 6)"),
    ],
)
def test_the_worker_ends_otherwise(tmp_path, monkeypatch, mode, outcome, words):
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    monkeypatch.setenv("STAND_IN", mode)
    expected = prepared(tmp_path)
    verdict = judge(expected, child.run(tmp_path, 60))
    assert verdict.outcome is outcome, verdict
    assert words in verdict.reason


LIMITS = (4, 16, 64, 256)
"""Seconds. How far a process comes in four depends on the machine; one that hangs exceeds any."""


def hung(folder, is_far_enough, command=None):
    """Return the first ending, by a limit, of a child that had come far enough by then."""
    for limit in LIMITS:
        ending = child.run(folder, limit, command)
        assert ending.code is None
        if is_far_enough(ending):
            return ending
    raise AssertionError(f"not far enough after {limit} seconds: {ending}")


def test_a_worker_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    monkeypatch.setenv("STAND_IN", "hang")
    expected = prepared(tmp_path)
    ending = hung(tmp_path, lambda ending: ending.answer and ending.answer["stage"] == "updating")
    verdict = judge(expected, ending)
    assert verdict.outcome is Outcome.TIMED_OUT
    assert "while updating" in verdict.reason


@pytest.mark.skipif(device.why_not_here() is None, reason="pyobjc is installed")
def test_a_child_that_finds_no_pyobjc_fails(tmp_path):
    expected = prepared(tmp_path)
    verdict = judge(expected, child.run(tmp_path, 60))
    assert verdict.outcome is Outcome.FAILED
    assert "No module named 'objc'" in verdict.reason


def test_a_segmentation_fault_and_an_answer_cut_off(tmp_path):
    expected = prepared(tmp_path)
    code = (
        "import os, pathlib, signal, sys; f = pathlib.Path(sys.argv[1]);"
        "(f / 'answer.json').write_text('{\"stage\": ');"
        "(f / 'arrays.npz').write_bytes(b'PK\\3\\4 cut off');"
        "os.kill(os.getpid(), signal.SIGSEGV)"
    )
    ending = child.run(tmp_path, 60, [sys.executable, "-c", code, str(tmp_path)])
    assert (ending.answer, ending.arrays) == (None, {})
    verdict = judge(expected, ending)
    assert verdict.outcome is Outcome.CRASHED
    assert "SIGSEGV" in verdict.reason


def test_a_child_of_the_child_ends_too(tmp_path):
    prepared(tmp_path)
    code = (
        "import subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)']);"
        "print(p.pid, flush=True); time.sleep(1000)"
    )
    ending = hung(tmp_path, lambda ending: ending.printed, [sys.executable, "-c", code])
    state = Path(f"/proc/{int(ending.printed)}/stat")
    for _ in range(600):  # a killed process needs a moment to be gone
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("it is still running")
