"""The compiler finds what is wrong; and where there is none, nobody takes that for a pass."""

import os
import subprocess
import sys

import pytest

from tests.paths import ROOT
from tests.swift.compiler import diagnostics, needs_swift, version


@needs_swift
def test_what_does_not_compile_is_noticed(tmp_path):
    """The compiler is asked, in the mode that is meant, and each file has its own diagnostics."""
    for name, text in {
        "Unknown": "let value = missing",
        "Isolated": "final class Box { var x = 1 }\nactor Other { func f() { Box().x = 2 } }",
        "Unused": "func g() -> Int { 1 }\nfunc f() { g() }",
    }.items():
        (tmp_path / f"{name}.swift").write_text(text)
    files = sorted(tmp_path.iterdir())
    assert set(diagnostics(tmp_path, "Swift 5", files)) == {"Unknown.swift", "Unused.swift"}
    wrong = diagnostics(tmp_path, "Swift 6, MainActor", files)
    assert set(wrong) == {"Isolated.swift", "Unknown.swift", "Unused.swift"}


@needs_swift
def test_what_crosses_threads_is_noticed(tmp_path):
    path = tmp_path / "Crossing.swift"
    path.write_text(
        "final class Box { var x = 1 }\n"
        "func f() async { let box = Box(); Task.detached { box.x = 2 }; box.x = 3 }\n"
    )
    assert diagnostics(tmp_path, "Swift 6", [path]) == {}
    assert set(diagnostics(tmp_path, "Swift 6", [path], thorough=True)) == {path.name}


def summary(**environment):
    """Return what a run of one test of the stand-in ends with."""
    test = "tests/swift/test_compiler.py::test_what_crosses_threads_is_noticed"
    options = ["-n", "0", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, test],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment},
    )  # fmt: skip
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "darwin", reason="another reason is told there")
def test_without_a_compiler_the_run_says_what_was_skipped(tmp_path):
    told = "Swift: skipped 1 of its tests: no Swift compiler (swiftc) on the path"
    assert told in summary(PATH=str(tmp_path)).splitlines()


@pytest.mark.slow
@needs_swift
def test_with_a_compiler_the_run_says_which():
    assert f"Swift: compiled and run with Swift {version()}" in summary().splitlines()
