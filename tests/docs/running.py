"""Does what a reader does: takes a clone, and types the commands of a page there."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from converter import cli
from tests.paths import ROOT

BIN = Path(sys.executable).parent
"""Where the commands of the environment are that runs the tests."""

SHELL = re.compile(r"[|<>;&$`]|^\w+=")
"""What only a shell understands."""


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit code, and what it printed to both streams."""

    code: int
    output: str


def clone(folder: Path) -> Path:
    """Put into `folder` what a clone holds, and an environment where the README makes one.

    That is what git knows, as it is now: a file that was not added is missing here, too.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    (folder / ".venv").symlink_to(BIN.parent)
    return folder


def can_run_here(command: str) -> bool:
    """Tell whether `command` is one of make-updatable, or a script, and nothing for a shell."""
    return bool(re.match(r"make-updatable |python \S+\.py", command)) and not SHELL.search(command)


def here(command: str) -> Done:
    """Run `command` of make-updatable, or a script, in this process and the working folder."""
    split = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, text=True, check=True
    )
    program, *words = split.stdout.rstrip("\0").split("\0")
    codes: list[int] = []
    run = {"make-updatable": cli.run, "python": _script}[program]
    output = printed_by(lambda: codes.append(run(words)))
    return Done(codes[0], output)


def _script(words: list[str]) -> int:
    before = sys.argv
    sys.argv = words
    try:
        runpy.run_path(words[0], run_name="__main__")
    finally:
        sys.argv = before
    return 0


def printed_by(action: Callable[[], object]) -> str:
    """Return what `action` prints to standard output and standard error, in the order of it."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as stream:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            action()
        stream.seek(0)
        return stream.read()


def in_a_process(command: str) -> Done:
    """Run `command` by a shell."""
    done = subprocess.run(
        ["bash", "-c", command], env=_environment(), text=True, timeout=300,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return Done(done.returncode, done.stdout)


def on_a_terminal(command: str) -> Done:
    """Run `command` by a shell whose three streams are a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", f"stty columns 100; {command}"], env=_environment() | {"TERM": "xterm"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    return Done(process.wait(timeout=300), shown.decode().replace("\r\n", "\n"))


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
