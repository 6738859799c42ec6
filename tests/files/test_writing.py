"""Writing in one step: nothing half written, nothing left for ever, nothing of others lost."""

import fcntl
import fnmatch
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from converter.errors import OutputError
from converter.files.writing import new_folder, replacing, write_bytes
from tests.paths import ROOT

HOOK = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]["files"]

KILLED = """
import os, signal, sys
from pathlib import Path
from converter.files.writing import replacing
with replacing(Path("m.mlmodel")) as temporary:
    temporary.write_bytes(b"half a model")
    print("half", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names():
    return sorted(path.name for path in Path().iterdir())


@pytest.fixture
def writing(folder):
    """A process that has half written ``m.mlmodel``."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "half\n"
        yield process


def test_what_a_killed_process_leaves_goes_when_the_same_target_is_written_again(writing):
    (temporary,) = names()
    assert re.fullmatch(rf"\.m\.mlmodel\.{writing.pid}-[0-9a-f]{{12}}\.partial", temporary)
    assert not re.search(HOOK, temporary)
    assert not fnmatch.fnmatch(temporary, "*.mlmodel")
    write_bytes(Path("m.mlmodel"), b"a model of another process")
    assert names() == [temporary, "m.mlmodel"], "a living process keeps its file"

    writing.send_signal(signal.SIGKILL)
    writing.wait()
    write_bytes(Path("other.mlmodel"), b"another model")
    assert names() == [temporary, "m.mlmodel", "other.mlmodel"], "of another target"
    write_bytes(Path("m.mlmodel"), b"a whole model")
    assert names() == ["m.mlmodel", "other.mlmodel"]
    assert Path("m.mlmodel").read_bytes() == b"a whole model"


def test_a_half_written_folder_of_a_dead_process_goes_and_one_that_fails_too(folder):
    left = Path(f".kept.{dead_process()}-0123456789ab.partial")
    (left / "inside").mkdir(parents=True)

    def fail():
        with new_folder(Path("kept")) as temporary:
            assert names() == [temporary.name], "that of the dead process is gone"
            (temporary / "file").touch()
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert names() == []


def test_a_folder_appears_when_it_is_whole_and_never_in_the_place_of_another(folder):
    with new_folder(Path("kept")) as temporary:
        (temporary / "file").write_bytes(b"whole")
        assert names() == [temporary.name]
    assert names() == ["kept"]
    assert Path("kept/file").read_bytes() == b"whole"
    with pytest.raises(OutputError, match="kept: exists already"):
        new_folder(Path("kept")).__enter__()


def test_a_living_process_finishes_though_others_write_the_same(writing):
    for _ in range(3):
        write_bytes(Path("m.mlmodel"), b"a model of another process")
    writing.communicate("")
    assert writing.returncode == 0
    assert names() == ["m.mlmodel"]
    assert Path("m.mlmodel").read_bytes() == b"half a model"


def dead_process():
    """Return the number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize("left", ["of another machine", "of no process"])
def test_a_file_that_somebody_may_still_write_stays(folder, left):
    """One that is locked by a process that is not seen from here, one whose number says nothing."""
    number = {"of another machine": dead_process(), "of no process": 10**30}[left]
    path = Path(f".m.mlmodel.{number}-0123456789ab.partial")
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_bytes(Path("m.mlmodel"), b"a model")
    assert names() == [path.name, "m.mlmodel"]


def test_only_files_of_this_very_name_are_removed(folder):
    dead = dead_process()
    own = [f".m.mlmodel.{dead}-0123456789ab.partial", f".m.mlmodel.{dead}-ba9876543210.partial"]
    others = [
        f".m.mlmodel.{dead}-0123456789ab.partial.txt", f".mm.mlmodel.{dead}-0123456789ab.partial",
        f"m.mlmodel.{dead}-0123456789ab.partial", ".m.mlmodel.partial", ".mxmlmodel.partial",
        f".mxmlmodel.{dead}-0123456789ab.partial",
    ]  # fmt: skip
    for name in [*own, *others]:
        Path(name).touch()
    write_bytes(Path("m.mlmodel"), b"a model")
    assert names() == sorted([*others, "m.mlmodel"])


@pytest.mark.parametrize("name", [f"{'n' * 240}.mlmodel", f"{'ж' * 120}.mlmodel", "[a-z]*.mlmodel"])
def test_any_name_that_the_system_takes(folder, name):
    write_bytes(Path(name), b"a model")
    assert names() == [name]


def test_an_error_leaves_the_old_content_and_nothing_else(folder):
    Path("m.mlmodel").write_bytes(b"old")
    with pytest.raises(OutputError, match=r"m\.mlmodel: cannot be written"):
        fail_half_way(Path("m.mlmodel"))
    assert names() == ["m.mlmodel"]
    assert Path("m.mlmodel").read_bytes() == b"old"


def fail_half_way(target):
    with replacing(target) as temporary:
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")
