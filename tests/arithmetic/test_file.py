import json
from dataclasses import replace

import pytest

from converter.arithmetic import COREML, KERAS, Arithmetic, Reduction, arithmetic_of, read, write
from converter.arithmetic.evidence import EVIDENCE
from converter.errors import ArithmeticFileError, UsageError


def test_names():
    assert arithmetic_of("keras") == KERAS == Arithmetic()
    assert arithmetic_of("coreml") == COREML == replace(KERAS, loss="last_batch")


def test_what_is_written_is_read(tmp_path):
    chosen = Arithmetic(
        Reduction("sum", "sum", 0.5), Reduction("mean", "mean"), "wrapped", "nesterov",
        "corrected_root", "libc++", "mean_of_batches",
    )  # fmt: skip
    path = tmp_path / "all.json"
    write(path, "by hand", vars(chosen))
    assert arithmetic_of(path) == chosen


def test_what_a_file_leaves_out_is_what_is_known_of_core_ml(tmp_path):
    path = tmp_path / "some.json"
    path.write_text('{"adam": "no_correction"}')
    assert read(path) == replace(COREML, adam="no_correction")


BAD = {
    "text": ("half", "is not JSON; make-updatable calibrate writes such files"),
    "bytes": (b"\xff\xfe\x00", "is not JSON"),
    "deep": ("[" * 100_000, "is not JSON"),
    "list": ("[]", "must be a table of about, squared_error, cross_entropy, last_batch, momentum"),
    "key": ('{"momenta": "classic"}', "momenta is not known; there are about, squared_error"),
    "value": (
        '{"momentum": "heavy"}',
        "momentum: must be one of classic, rate_outside, ",
    ),
    "number": ('{"adam": 3}', "adam: must be one of uncorrected_root, "),
    "list for a word": ('{"order": ["given"]}', r"order: must be one of numpy, given, libc\+\+; "),
    "word for a table": ('{"squared_error": "mean"}', "squared_error.must be a table of batch"),
    "part": ('{"cross_entropy": {"batch": "mean"}}', "cross_entropy: must say batch, outputs, fac"),
    "part's value": (
        '{"squared_error": {"batch": "max", "outputs": "sum", "factor": 1}}',
        "squared_error.batch: must be one of mean, sum; not 'max'",
    ),
    "factor": (
        '{"squared_error": {"batch": "sum", "outputs": "sum", "factor": 2}}',
        "squared_error.factor: must be one of 1, 0.5; not 2",
    ),
    "true": (
        '{"squared_error": {"batch": "sum", "outputs": "sum", "factor": true}}',
        "squared_error.factor: must be one of 1, 0.5; not True",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_one_line(tmp_path, content, message):
    path = tmp_path / "bad.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ArithmeticFileError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nothing.json", "kears", "", "folder"])
def test_what_is_neither_a_name_nor_a_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ArithmeticFileError, match=r"cannot be read .*; give keras, coreml"):
        arithmetic_of(name)


def test_python_is_told_as_well():
    with pytest.raises(UsageError, match="momentum: must be one of"):
        Arithmetic(momentum="heavy")
    with pytest.raises(UsageError, match="squared_error: must say batch, outputs and factor"):
        Arithmetic(squared_error="mean")


def test_every_field_has_its_evidence():
    assert set(EVIDENCE) == set(vars(KERAS))


def test_no_entry_is_claimed_beyond_its_evidence():
    """What is open is as in Keras, so that nothing seems known that is not."""
    differing = {name for name, value in vars(COREML).items() if value != getattr(KERAS, name)}
    surely_open = {name for name, known in EVIDENCE.items() if known.certainty.startswith("open")}
    assert not differing & surely_open
    assert json.dumps(sorted(differing)) == '["loss"]'
