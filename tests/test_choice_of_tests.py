"""Which tests run: all that are named, and of all those that are not slow."""

import os
import subprocess
import sys

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.slow

TESTS = """\
import pytest


def test_one():
    pass


@pytest.mark.slow
def test_other():
    pass
"""
CHOICES = {
    "nothing": ([], "1 passed, 1 deselected"),
    "a mark": (["-m", "slow"], "1 passed, 1 deselected"),
    "a path": (["tests/test_it.py"], "2 passed"),
    "a folder": (["tests"], "2 passed"),
    "a name": (["-k", "test_o"], "2 passed"),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_what_is_chosen_runs(choice, tmp_path):
    arguments, ending = CHOICES[choice]
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_it.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_configure\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\nmarkers = slow\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider",
         *arguments],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT), "LONG_FUZZ": ""},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1].startswith(f"{ending} in "), done.stdout + done.stderr
