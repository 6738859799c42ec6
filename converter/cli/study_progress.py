"""The progress of a study in the terminal: users that are done, users a second, time left."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from converter.cli.terminal import STREAMS_KEPT

if TYPE_CHECKING:
    from converter.studies.running import Pace, Prepared


class StudyProgress:
    """A context that shows how far a study is, on standard error.

    A bar appears on a terminal only; with `verbose`, a line for each block anywhere.
    """

    def __init__(self, prepared: Prepared, quiet: bool, verbose: bool) -> None:
        self._verbose, self._per_user = verbose, prepared.per_user
        console = Console(stderr=True, highlight=False)
        shown = not quiet and console.is_terminal and sys.stderr is not None
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        self._bar = (
            Progress(*columns, TextColumn("{task.fields[pace]}"), console=console, transient=True,
                     **STREAMS_KEPT)
            if shown else None
        )  # fmt: skip
        if self._bar is not None:
            self._task = self._bar.add_task("users", total=len(prepared.population), pace="")

    def __enter__(self) -> StudyProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def hear(self, pace: Pace) -> None:
        """Hear that more users are done."""
        text = told(pace, self._per_user)
        if self._bar is not None:
            self._bar.update(self._task, completed=pace.done, pace=text)
        if self._verbose:
            click.echo(f"{pace.done}/{pace.total} users  {text}", err=True)


def told(pace: Pace, per_user: int) -> str:
    """Return the pace in words: users and trainings a second, and the time left.

    `per_user` is how many results there are of each user.
    """
    if pace.left is None:
        return f"{per_user} trainings of each"
    minutes, seconds = divmod(round(pace.left), 60)
    return (
        f"{pace.rate:.3g} users/s ({pace.rate * per_user:.3g} trainings/s), "
        f"{minutes}:{seconds:02} left"
    )
