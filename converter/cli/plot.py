"""Drawing the curves of a training to a file."""

from __future__ import annotations

from pathlib import Path

from converter.drawing import write
from converter.page.curves import side_by_side
from converter.runtime import History


def write_plot(history: History, target: Path) -> None:
    """Draw loss and accuracy over the epochs to the PNG file `target`.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    write(side_by_side(history), target)
