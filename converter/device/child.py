"""The child process in which Core ML runs, and how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converter.device.batch import Array

START = """
import importlib.util, runpy, sys
spec = importlib.util.spec_from_file_location("converter", sys.argv.pop(1))
sys.modules["converter"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["converter"])
runpy.run_module("converter.device.worker", run_name="__main__", alter_sys=True)
"""
"""Runs the worker of *this* package. No folder is put on Python's path for it: the user's working
folder, or the clone that is worked in, may hold a ``json.py`` or a ``CoreML.py``."""


@dataclass(frozen=True)
class Ending:
    """How the child ended and what it left.

    Attributes:
        code: its exit code, negative if a signal ended it, None if it had to be ended.
        printed: the end of what it printed to standard error.
        answer: its ``answer.json``, None if there is none.
        arrays: its ``arrays.npz``.
    """

    code: int | None
    printed: str = ""
    answer: dict[str, Any] | None = None
    arrays: dict[str, Array] = field(default_factory=dict)


def run(folder: Path, timeout: float, command: Sequence[str] | None = None) -> Ending:
    """Run the worker on the job in `folder`, and in that folder, for at most `timeout` seconds."""
    folder = folder.resolve()
    package = Path(__file__).parents[1] / "__init__.py"
    command = command or [sys.executable, "-c", START, str(package), str(folder)]
    for name in ("answer.json", "arrays.npz"):
        (folder / name).unlink(missing_ok=True)
    log = folder / "stderr.txt"
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            cwd=folder, start_new_session=True,
        )  # fmt: skip
        try:
            code: int | None = child.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(child)
    printed = log.read_text(errors="replace").strip()[-2000:]
    return Ending(code, printed, _answer(folder), _arrays(folder))


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started, also when the parent is interrupted."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _answer(folder: Path) -> dict[str, Any] | None:
    try:
        answer = json.loads((folder / "answer.json").read_text())
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def _arrays(folder: Path) -> dict[str, Array]:
    try:
        with (folder / "arrays.npz").open("rb") as file, np.load(file) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):  # missing, or cut off by a crash
        return {}
