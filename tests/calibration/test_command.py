"""``make-updatable calibrate``, and what it writes given to ``train``."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from converter.arithmetic import COREML, KERAS, arithmetic_of
from converter.cli import run
from converter.device.record import Record
from tests.calibration.records import record_of


def called(capsys, *arguments):
    code = run([str(argument) for argument in arguments])
    done = capsys.readouterr()
    return code, done.out, done.err


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(record, path="record.json"):
    Path(path).write_text(json.dumps(record.as_dict()))
    return path


def test_every_answer_has_its_difference_and_the_next(folder, capsys):
    truth = replace(COREML, momentum="nesterov", last_batch="full_size")
    code, out, err = called(capsys, "calibrate", written(record_of(truth)), "-o", "coreml.json")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "macOS 26.1 arm64, CPU only"
    assert [line.split()[0] for line in lines[1:8]] == [
        "squared_error", "cross_entropy", "last_batch", "momentum", "adam", "order", "loss",
    ]  # fmt: skip
    assert lines[3].startswith("last_batch     full_size, off by ")
    assert "; next wrapped, off by " in lines[3]
    assert lines[-1] == "wrote coreml.json"
    assert arithmetic_of("coreml.json") == truth
    stored = json.loads(Path("coreml.json").read_text())
    assert stored["about"] == "measured on macOS 26.1 arm64, CPU only"
    assert stored["squared_error"] == {"batch": "mean", "outputs": "mean", "factor": 1.0}


def test_what_is_not_known_is_left_out_and_ends_with_1(folder, capsys):
    record = record_of(momentum="dampened")
    trainings = {**record.trainings, "T4": record_of(adam="no_correction").trainings["T3"]}
    del trainings["T7"], trainings["T8"]
    path = written(Record(record.machine, trainings))
    code, out, err = called(capsys, "calibrate", path, "-o", "coreml.json")
    assert (code, err) == (1, "")
    assert "adam           none of these; nearest is " in out
    assert "order          not measured\n" in out
    stored = json.loads(Path("coreml.json").read_text())
    assert "adam" not in stored
    assert stored["about"].endswith("; not known: adam, order")
    assert arithmetic_of("coreml.json") == replace(KERAS, momentum="dampened")


def test_what_cannot_be_told_apart_is_said(folder, capsys):
    record = record_of()
    del record.trainings["T3h"]
    code, out, _ = called(capsys, "calibrate", written(record))
    assert code == 0
    (line,) = (line for line in out.splitlines() if line.startswith("momentum"))
    assert "classic" in line
    assert "rate_outside" in line
    assert "(this record cannot tell them apart)" in line


def test_quiet(folder, capsys):
    path = written(record_of())
    assert called(capsys, "calibrate", path, "-o", "a.json", "--quiet") == (0, "", "")
    assert Path("a.json").exists()
    code, out, err = called(capsys, "calibrate", path, "--quiet")
    assert (code, err) == (0, "")
    assert out == called(capsys, "calibrate", path)[1]


def test_json(folder, capsys):
    record = record_of()
    code, out, err = called(capsys, "calibrate", written(record), "--json")
    found = json.loads(out)
    assert (code, err, found["machine"]) == (0, "", record.machine)
    lines = called(capsys, "calibrate", "record.json")[1].splitlines()
    assert [answer["field"] for answer in found["answers"]] == [
        line.split()[0] for line in lines[1 : 1 + len(found["answers"])]
    ]
    assert {answer["field"]: answer["options"] for answer in found["answers"]}["momentum"] == [
        KERAS.momentum
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is not JSON"), ("[]", "is no record of a calibration"), ("{}", "is no record")],
)
def test_a_file_that_is_no_record(folder, capsys, content, message):
    Path("record.json").write_text(content)
    code, out, err = called(capsys, "calibrate", "record.json", "-o", "coreml.json")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"error: record.json: {message}")
    assert not Path("coreml.json").exists()
