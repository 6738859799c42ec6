"""The mutation run itself, on a project of two lines that matter and one that does not."""

import ast
import os
import subprocess
from pathlib import Path

import pytest

CODE = """\
from __future__ import annotations

LIMIT = 3


def clipped(number: int | None) -> int:
    if number is None:
        return LIMIT
    return min(LIMIT, number)


def doubled(number: int) -> int:
    return number + number
"""
TEST = """\
from converter.tiny import clipping


def test_a_limit():
    assert [clipping.clipped(n) for n in (None, 2, 9)] == [3, 2, 3]
"""
MORE = """

def test_twice():
    assert clipping.doubled(3) == 6
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder, which `monkeypatch` leaves again."""
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "COVERAGE_FILE"):
        monkeypatch.setenv(name, "")  # and back to what it was in the end
    (tmp_path / "converter/tiny").mkdir(parents=True)
    (tmp_path / "converter/tiny/clipping.py").write_text(CODE)
    (tmp_path / "tests/tiny").mkdir(parents=True)
    (tmp_path / "tests/tiny/test_clipping.py").write_text(TEST)
    subprocess.run(["git", "init", "-q"], check=True)
    return tmp_path


@pytest.mark.slow
def test_what_no_test_notices_is_shown_until_one_does(project, capfd):
    mutation = pytest.importorskip("tests.mutation.__main__")
    arguments = ["tiny", "--count", "9", "--folder", str(project.with_name("sessions"))]
    assert mutation.main(arguments, ["pytest"]) == 1
    shown = capfd.readouterr().out
    assert shown.count("1 tests failed") == 3
    assert shown.count("0 tests not run") == 1
    assert "\n-    return number + number\n" in shown
    assert shown.endswith("| `tiny` | 4 | 3 | 0 | 1 | 75% |\n")

    os.chdir(project)
    with Path("tests/tiny/test_clipping.py").open("a") as tests:
        tests.write(MORE)
    assert mutation.main([*arguments, "--again"], ["pytest"]) == 0
    shown = capfd.readouterr().out
    assert shown.count("1 tests failed") == 1
    assert shown.endswith("| `tiny` | 4 | 4 | 0 | 0 | 100% |\n")
    assert Path("converter/tiny/clipping.py").read_text() == CODE


def test_which_rows_belong_to_a_statement():
    draw = pytest.importorskip("tests.mutation.draw")
    tree = ast.parse(CODE)
    assert draw.rows(tree, 3) is None
    assert draw.rows(tree, 6) is None
    assert list(draw.rows(tree, 7)) == [7]
    assert list(draw.rows(tree, 9)) == [9]


def test_annotations_are_not_changed():
    draw = pytest.importorskip("tests.mutation.draw")
    assert draw.running(CODE) == draw.running(CODE.replace("int | None", "int"))
    assert draw.running(CODE) != draw.running(CODE.replace("is None", "is not None"))


def test_what_runs_as_a_program_is_not_changed_but_what_asks_for_a_name_is():
    draw = pytest.importorskip("tests.mutation.draw")
    program = "if __name__ == '__main__':\n    f()"
    assert draw.running(program) == draw.running(program.replace("==", "!="))
    name = "if type(x).__name__ == 'A':\n    f()"
    assert draw.running(name) != draw.running(name.replace("==", "!="))


def test_guards_that_refuse_nothing_are_not_changed():
    draw = pytest.importorskip("tests.mutation.draw")
    assert draw.running("zip(a, b, strict=True)") == draw.running("zip(a, b, strict=False)")
    assert draw.running("f(x=1)") != draw.running("f(x=2)")
    assert draw.running("f(strict=True)") != draw.running("f(strict=False)")
