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

WORKER = "converter.device.worker"


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
    """Run the worker on the job in `folder` for at most `timeout` seconds."""
    command = command or [sys.executable, "-m", WORKER, str(folder)]
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    for name in ("answer.json", "arrays.npz"):
        (folder / name).unlink(missing_ok=True)
    log = folder / "stderr.txt"
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env=environment, start_new_session=True,
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
