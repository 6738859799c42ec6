"""Runs of pytest, each in a fork of one process that has the slow imports behind it.

A fork is safe as long as nothing imported has started threads: TensorFlow does when it is first
used, which it never is here.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

PYTEST = ["-q", "-n0", "--dist=no", "-p", "no:cacheprovider", "--randomly-dont-reorganize"]
"""In one process: from several, pytest-cov brings no names of tests; the cheap tests first."""

OUTPUT = "pytest.txt"
"""File in the current folder with what the last run has printed."""


class Forks:
    """A process in the current folder that has imported `packages`."""

    def __init__(self, *packages: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__), *packages], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # it ends with its input

    def run(self, arguments: list[str], seconds: int = 0) -> str:
        """Return "passed", "failed" or "not run"; "timed out" after so many seconds, if not 0."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([arguments, seconds]), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


def serve(packages: list[str]) -> None:
    """Import `packages`, then run pytest for each line of standard input."""
    for package in packages:
        importlib.import_module(package)
    for line in sys.stdin:
        arguments, seconds = json.loads(line)
        child = os.fork()
        if not child:
            run(arguments, seconds)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found = {0: "passed", 5: "not run", -signal.SIGALRM: "timed out"}.get(code, "failed")
        print(json.dumps(found), flush=True)


def run(arguments: list[str], seconds: int) -> None:
    """Run pytest with `arguments` and end the process; an alarm ends it too."""
    import pytest

    signal.alarm(seconds)
    output = os.open(OUTPUT, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    for stream in (0, 1, 2):
        os.dup2(output, stream)
    os._exit(pytest.main([*PYTEST, *arguments]))


if __name__ == "__main__":
    serve(sys.argv[1:])
