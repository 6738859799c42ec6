"""The progress of a training in the terminal: a bar for the epoch that runs, a line for each done.

Where the output is no terminal, only the lines appear.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from converter.cli.terminal import STREAMS_KEPT
from converter.runtime import Epoch, History, Score, Settings
from converter.runtime import Progress as RuntimeProgress


class ProgressBar(RuntimeProgress):
    """A context in which a training reports to the terminal."""

    def __init__(self, settings: Settings) -> None:
        self._epochs = settings.epochs
        self._console = Console(highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            **STREAMS_KEPT,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("reading", total=None)

    def __enter__(self) -> ProgressBar:
        if not self._bar.disable:
            self._bar.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._bar.disable:  # rich 14 ends even a bar that is switched off with a line
            self._bar.__exit__(kind, error, traceback)

    def features(self, done: int, total: int) -> None:
        """Show how far the frozen layers are."""
        self._bar.update(self._task, description="frozen layers", completed=done, total=total)

    def resumed(self, done: int, checkpoint: Path) -> None:
        """Say that the training does not begin anew."""
        self._print(f"resuming     from {checkpoint}, after {done} of {self._epochs} epochs")

    def before(self, score: Score | None) -> None:
        """Print the score before training."""
        if score is not None:
            self._print(f"before       {described(score, 'held-out ')}")

    def samples(self, epoch: int, done: int, total: int) -> None:
        """Show how far the epoch is."""
        description = f"epoch {epoch}/{self._epochs}"
        self._bar.update(self._task, description=description, completed=done, total=total)

    def epoch(self, result: Epoch) -> None:
        """Print what an epoch did."""
        parts = [described(Score(result.loss, result.accuracy))]
        parts.append(f"last mini-batch's loss {result.last_batch_loss:.4f}")
        if result.held_out_loss is not None:
            parts.append(
                described(Score(result.held_out_loss, result.held_out_accuracy), "held-out ")
            )
        parts.append(f"{result.seconds:.1f} s")
        number = f"epoch {result.epoch}/{self._epochs}"
        self._print(f"{number:<12} {'  '.join(parts)}")

    def kept(self, history: History) -> None:
        """Print how many samples of each class were added, and what came of it."""
        counts = history.kept or {}
        listed = ", ".join(f"{label}: {count}" for label, count in counts.items())
        self._print(
            f"added        {sum(counts.values())} samples of {len(counts)} classes ({listed})"
        )
        if history.after is not None:
            self._print(f"after        {described(history.after, 'held-out ')}")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False)


def described(score: Score, prefix: str = "") -> str:
    """Return a score in words."""
    numbers = {"loss": score.loss, "accuracy": score.accuracy}
    return "  ".join(
        f"{prefix}{name} {number:.4f}" for name, number in numbers.items() if number is not None
    )
