"""Results in one file: added by several processes, kept whole, and never in another's database."""

import math
import sqlite3
import subprocess
import sys

import pytest

from converter.errors import OutputError
from converter.studies.store import Result, Scores, Store
from tests.paths import ROOT

NAN = float("nan")


def result(user, seed=0, gain=0.1, setting="s"):
    return Result("m", setting, user, seed, Scores(1.0, 0.5, 0.5, 0.5 + gain, 1, 1, 0.5, 0.4))


def test_what_is_added_is_there_when_the_file_is_opened_again(tmp_path):
    store = Store(tmp_path / "a.results")
    store.add([result("u"), result("v", gain=NAN), result("u", seed=1)])
    store.close()
    again = Store(tmp_path / "a.results")
    found = dict(again.scores("m", "s", 0))
    assert found["u"] == (1.0, 0.5, 0.5, 0.6, 1.0, 1.0, 0.5, 0.4)
    assert math.isnan(found["v"][3])
    assert again.counts([("m", "s"), ("m", "other")], [0, 1]) == {"u": 2, "v": 1}
    again.add([result("u", gain=0.4)])
    assert dict(again.scores("m", "s", 0))["u"][3] == 0.9
    assert again.counts([("m", "s")], [0]) == {"u": 1, "v": 1}
    again.close()


def test_a_block_is_kept_as_a_whole_or_not_at_all(tmp_path):
    store = Store(tmp_path / "a.results")
    broken = Result("m", "s", "w", 0, Scores(*[object()] * 8))
    with pytest.raises(OutputError, match="cannot be used for results"):
        store.add([result("u"), broken])
    assert list(store.scores("m", "s", 0)) == []
    store.add([result("u")])
    assert len(list(store.scores("m", "s", 0))) == 1
    store.close()


WRITER = """
import sys
from pathlib import Path
from converter.studies.store import Result, Scores, Store
path, name = sys.argv[1:]
store = Store(Path(path))
for block in range(40):
    users = [f"{name}{block}-{i}" for i in range(5)] + ["shared"]
    store.add([Result("m", "s", user, 0, Scores(*[float(block)] * 8)) for user in users])
"""


def test_two_processes_add_to_one_file_at_the_same_time(tmp_path):
    path = tmp_path / "both.results"
    line = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*line, name], cwd=ROOT) for name in "ab"]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    store = Store(path)
    assert len(list(store.scores("m", "s", 0))) == 2 * 40 * 5 + 1
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_what_is_no_file_of_results_is_refused_and_kept(tmp_path):
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    (tmp_path / "text.results").write_text("these are not the results that you are looking for")
    (tmp_path / "newer.results").write_bytes(b"")
    Store(tmp_path / "newer.results").close()
    connection = sqlite3.connect(tmp_path / "newer.results")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for name, words in {
        "other.db": "is a database, but none of a study",
        "text.results": "file is not a database",
        "newer.results": "has the format 99 of another version",
        "nowhere/a.results": "unable to open database file",
    }.items():
        with pytest.raises(OutputError, match=words):
            Store(tmp_path / name)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
