"""What a person at a terminal sees while a command works; nothing of it where there is none."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TextIO

import click

STEPS = {
    "start": "starting TensorFlow",
    "load": "reading the Keras file",
    "trace": "tracing the model",
    "lower": "lowering to Core ML layers",
    "advise": "counting what choices of layers cost",
    "write": "writing the model",
    "verify": "comparing with Keras",
    "verify_update": "comparing an update step with Keras",
}
"""Step of a command -> what is said about it."""

STREAMS_KEPT: dict[str, Any] = {"redirect_stdout": False, "redirect_stderr": False}
"""For displays of rich: in its place, `sys.stderr` would escape from being muted, and what keeps
it, such as a logger made meanwhile, would write to a file that is closed."""


class Progress:
    """A context that shows a line per job on standard error, with its step and its time.

    Lines appear on a terminal only, and vanish at the end. If `verbose`, every step that is done
    is printed with its time, terminal or not.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self._verbose = verbose and not quiet
        self._live: Any = None
        self._file: TextIO | None = None
        if not quiet and sys.stderr is not None and sys.stderr.isatty():
            self._file = _own_stderr()

    def __enter__(self) -> Progress:
        if self._file is not None:
            from rich.console import Console
            from rich.progress import Progress as Lines
            from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
            console = Console(file=self._file)
            self._live = Lines(*columns, console=console, transient=True, **STREAMS_KEPT)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
        if self._file is not None:
            self._file.close()

    def job(self, name: str = "") -> Job:
        """Return a new line; `name` stands before its steps where there are several."""
        task = self._live.add_task(name, total=None) if self._live is not None else None
        return Job(name, self._show, self._done, task)

    def _show(self, task: Any, text: str) -> None:
        if task is not None:
            self._live.update(task, description=text)

    def _done(self, task: Any, text: str) -> None:
        if self._verbose:
            if task is not None:
                self._live.console.print(text, markup=False, highlight=False)
            else:
                click.echo(text, err=True)


class Job:
    """One line of the progress."""

    def __init__(
        self,
        name: str,
        show: Callable[[Any, str], None],
        done: Callable[[Any, str], None],
        task: Any,
    ) -> None:
        self._prefix = f"{name}: " if name else ""
        self._show, self._done, self._task = show, done, task

    def begin(self, step: str) -> None:
        """Show that a step runs now."""
        self._show(self._task, f"{self._prefix}{STEPS.get(step, step)}")

    def end(self, step: str, seconds: float) -> None:
        """Tell, if asked to, how long a step took."""
        self._done(self._task, f"{self._prefix}{STEPS.get(step, step)}: {seconds:.1f} s")

    def finish(self, text: str) -> None:
        """Show the result in the line."""
        self._show(self._task, f"{self._prefix}{text}")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show one step while the block runs."""
        started = time.perf_counter()
        self.begin(name)
        yield
        self.end(name, time.perf_counter() - started)


def _own_stderr() -> TextIO | None:
    """Return a second handle of standard error: the first is muted while TensorFlow loads."""
    try:
        return os.fdopen(
            os.dup(sys.stderr.fileno()),
            "w",
            encoding=sys.stderr.encoding,
            errors="backslashreplace",
        )
    except (OSError, ValueError):
        return None
