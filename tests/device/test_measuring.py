"""The trainings of a calibration on the stand-in for pyobjc: what is ordered, what is recorded.

Nothing here says anything of Core ML; see ``stand_in/objc.py``.
"""

import io
import math
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from converter import cli, device
from converter.device import measuring, record
from converter.device.child import Ending
from converter.device.measuring import seen
from converter.device.trainings import BIASES, TRAININGS, WEIGHTS
from tests.paths import ROOT

STAND_IN = Path(__file__).parent / "stand_in"
BY_NAME = {training.name: training for training in TRAININGS}
CHOSEN = [BY_NAME[name] for name in ("T2", "T3h", "T5")]
BY_HAND = {
    ("T2", "weights"): 0.5369575, ("T2", "biases"): 0.2705241, ("T3h", "biases"): 0.2586636,
    ("T5", "weights"): 0.5062784, ("T5", "biases"): 0.2527990,
}  # fmt: skip
"""The first weight and the first bias, as in ``test_trainings.py``. With the rate halved, the bias
is this one if the rate stands inside of the momentum."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The command with three of the trainings, in real processes: exit code, text, the record."""
    path = tmp_path_factory.mktemp("calibration") / "record.json"
    command = ["verify", "--on-device", "--calibrate", "--timeout", "60", "-o", str(path)]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        patch.setenv("PYTHONPATH", str(STAND_IN))
        patch.setenv("STAND_IN", "trains")
        patch.setattr(device, "why_not_here", lambda: None)
        patch.setattr(measuring, "TRAININGS", CHOSEN)
        code = cli.run(command)
    return code, printed.getvalue().splitlines(), record.read(path)


def test_each_training_runs_as_its_model_says_and_all_that_was_told_is_recorded(run):
    code, printed, found = run
    assert code == 0
    assert [line.split(":")[0] for line in printed[:3]] == [
        "T2   recorded", "T3h  recorded", "T5   recorded",
    ]  # fmt: skip
    assert list(found.trainings) == ["T2", "T3h", "T5"]
    assert set(found.machine) == {"system", "pyobjc", "compute_units"}
    assert found.machine["compute_units"] == "CPU only"
    for one in found.trainings.values():
        assert (one.outcome, one.reason) == (record.RECORDED, "")
        np.testing.assert_array_equal(one.before["weights"], WEIGHTS.ravel())
        np.testing.assert_array_equal(one.before["biases"], BIASES)
    assert [(t.event, t.epoch, t.mini_batch) for t in found.trainings["T2"].losses] == [
        ("mini-batch end", 0, 0), ("mini-batch end", 0, 1), ("epoch end", 0, None),
        ("completion", None, None),
    ]  # fmt: skip
    losses = [t.loss for t in found.trainings["T2"].losses]
    np.testing.assert_allclose(losses, [0.9169271, *[1.0045332] * 3], rtol=0, atol=1e-6)
    assert [t.epoch for t in found.trainings["T3h"].losses] == [0, 0, 1, 1, 2, 2, None]


def test_core_ml_is_told_nothing_but_a_later_rate(monkeypatch):
    """What is measured is what a file says, not what a caller asks for besides."""
    heard = []
    monkeypatch.setattr(measuring.job, "run", lambda *asked: heard.append(asked[2]))
    for training in TRAININGS:
        measuring.run(training, 1.0)
    assert [settings.parameters() for settings in heard] == [{}] * len(TRAININGS)
    assert [settings.later_rate for settings in heard if settings.later_rate] == [0.03125]


@pytest.mark.parametrize(("name", "key"), BY_HAND)
def test_samples_settings_and_a_changed_rate_arrive_as_they_were_ordered(run, name, key):
    """The stand-in trains what it is given: so the weights are those computed by hand."""
    found = run[2].trainings[name].after[key][0]
    np.testing.assert_allclose(found, BY_HAND[name, key], rtol=0, atol=1e-6)


def ending(code=0, arrays=(), **answer):
    every = {f"{when}.0.{key}": np.ones(size, np.float32)
             for when in ("before", "after") for key, size in record.SIZES.items()}  # fmt: skip
    told = {"event": "epoch end", "epoch": 0, "mini_batch": None, "loss": 0.5}
    complete = {"stage": "done", "completed": True, "error": None, "told": [told], "troubles": []}
    return Ending(code, "", complete | answer, {k: v for k, v in (every | dict(arrays)).items()
                                                if v is not None})  # fmt: skip


ENDINGS = {
    "well": (ending(), "recorded", ""),
    "its model could not be written": (
        ending(1, stage="writing the updated model", error="no room"), "recorded",
        "no room (while writing the updated model)",
    ),
    "crashed while predicting afterwards": (
        ending(-6, stage="predicting after the update"), "recorded",
        "Core ML ended the process with SIGABRT while predicting after the update",
    ),
    "not completed": (ending(completed=False), "failed", "the training was not completed"),
    "no weights after": (
        ending(arrays={"after.0.biases": None}, troubles=["biases could not be read"]), "failed",
        "biases could not be read",
    ),
    "weights of another size": (
        ending(arrays={"after.0.weights": np.ones(5)}), "failed", "the training was not completed",
    ),
    "an error": (ending(1, stage="updating", error="bad", completed=False), "failed",
                 "bad (while updating)"),
    "crashed": (Ending(-6, "", {"stage": "updating"}), "crashed",
                "Core ML ended the process with SIGABRT while updating"),
    "timed out": (Ending(None, "", {"stage": "updating"}), "timed out",
                  "no end in time while updating"),
    "nothing": (Ending(1), "failed", "the worker ended with code 1 while starting"),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDINGS)
def test_each_way_to_end_is_recorded_as_what_it_is(case):
    found, outcome, reason = ENDINGS[case]
    assert (seen(found).outcome, seen(found).reason) == (outcome, reason)


def test_weights_that_were_not_given_at_the_beginning_are_missing_and_losses_are_numbers():
    given = {"event": "mini-batch end", "epoch": None, "mini_batch": None}
    told = [given | {"loss": loss} for loss in (math.nan, math.inf, None, 0.25)]
    found = seen(ending(arrays={"before.0.weights": None}, told=told))
    assert found.outcome == record.RECORDED
    assert found.before is None
    assert [one.loss for one in found.losses] == [None, None, None, 0.25]


def test_tensorflow_is_not_needed():
    """Only the processes are left out: a Mac that has no TensorFlow makes the record."""
    code = (
        "import sys; from converter.device import child, measuring;"
        "child.run = lambda folder, timeout: child.Ending(1);"
        "found = measuring.measure(1).as_dict();"
        "print(len(found['trainings']), {'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "9 set()\n", done.stderr


@pytest.mark.skipif(device.why_not_here() is None, reason="here Core ML would run")
def test_where_core_ml_is_not_nothing_is_recorded(tmp_path, capsys):
    path = tmp_path / "record.json"
    command = ["verify", "--on-device", "--calibrate", "-o", str(path)]
    assert cli.run(command) == 4
    assert "calibration: not run: Core ML runs on macOS only" in capsys.readouterr().err
    assert cli.run([*command, "--require-update"]) == 1
    assert not path.exists()


USAGE = {
    "no place": (["--on-device", "--calibrate"], "say -o FILE.json"),
    "a model": (["m.mlmodel", "--on-device", "--calibrate", "-o", "r.json"], "leave MODEL"),
    "a record for a model": (["--on-device", "--calibrate", "--json", "r.json"], "after -o"),
    "data": (["--on-device", "--calibrate", "--data", "d", "-o", "r.json"], "exclude each other"),
    "no device": (["--against", "k.h5", "--calibrate", "-o", "r.json"], "without --on-device"),
    "no model": (["--on-device"], "Missing argument 'MODEL'"),
    "another ending": (["--on-device", "--calibrate", "-o", "r.txt"], ".json"),
}


@pytest.mark.parametrize("case", USAGE)
def test_what_makes_no_sense_together_is_told(case, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, words = USAGE[case]
    assert cli.run(["verify", *arguments]) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
