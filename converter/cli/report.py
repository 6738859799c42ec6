"""The page that ``--report`` asks for: checked before the work, written after it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converter.errors import MissingDependencyError, install
from converter.files.paths import PAGE_ENDING, Output

if TYPE_CHECKING:
    from converter.page import Section

NEEDED = ("matplotlib", "pygraphviz")
"""Modules that draw what stands on a page."""


def report_outputs(target: Path | None) -> list[Output]:
    """Return the page as an output, if one is asked for.

    Raises:
        MissingDependencyError: what draws it is not installed.
    """
    if target is None:
        return []
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            raise MissingDependencyError(f"--report needs {name}; {install('report')}")
    return [Output("--report", target, PAGE_ENDING)]


def write_report(target: Path, title: str, sections: Sequence[Section], *, quiet: bool) -> None:
    """Write the page in one step, and say so unless `quiet`.

    It is the last that a command writes: whatever goes wrong with it, all else is there.

    Raises:
        OutputError: the file cannot be written.
    """
    from converter.files.writing import write_bytes
    from converter.page import document

    write_bytes(target, document(title, sections).encode())
    if not quiet:
        click.echo(f"wrote {target}")
