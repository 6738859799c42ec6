"""An exception as the line that the user reads, and the exit code that goes with it."""

from __future__ import annotations

import click

from converter.cli.groups import meant
from converter.cli.printable import printable
from converter.errors import (
    EXIT_BROKEN_PIPE,
    EXIT_BUG,
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    EXIT_NOT_RUN,
    EXIT_OK,
    EXIT_USAGE,
    MakeUpdatableError,
    RecipeError,
    UsageError,
)

EXIT_CODES = {
    EXIT_OK: "done",
    EXIT_ERROR: "a file or a result is not as it should be",
    EXIT_USAGE: "wrong usage",
    EXIT_BUG: "a bug of this tool",
    EXIT_NOT_RUN: "Core ML could not be run here (--on-device)",
    EXIT_INTERRUPTED: "interrupted",
    EXIT_BROKEN_PIPE: "nobody reads the output any more",
}
"""What the process ends with."""


def exit_codes(*codes: int) -> str:
    """Return what `codes` mean, as ``--help`` says it; without any, all of them."""
    return "Exit codes: " + ", ".join(f"{code} {EXIT_CODES[code]}" for code in codes or EXIT_CODES)


LISTING = (RecipeError, UsageError)
"""Errors with a line for each mistake; in others, a line break comes from a name in a file."""

NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What click 8.2 and later raise of a group that is given nothing; before, they print the help."""


def explain(error: Exception) -> tuple[str, int]:
    """Return what to print after ``error:`` or ``internal error:``, and the exit code."""
    if isinstance(error, MakeUpdatableError):
        text = str(error) if isinstance(error, LISTING) else printable(str(error))
        return text, error.exit_code
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "there is not enough memory for this", EXIT_ERROR
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}", EXIT_ERROR
    summary = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return (
        f"{summary}; this is a bug of make-updatable, please report it "
        "(MAKE_UPDATABLE_DEBUG=1 prints the traceback)",
        EXIT_BUG,
    )


def usage(error: click.ClickException) -> str:
    """Return what is printed of a command line that click refuses: one line, or the help."""
    if isinstance(error, NO_ARGUMENTS):
        return str(error.format_message())
    text = " ".join(error.format_message().split()).rstrip(".")
    if isinstance(error, click.NoSuchOption):
        text = f"there is no option {error.option_name}"
        text += meant(error.option_name, error.possibilities or ())
    context = getattr(error, "ctx", None)
    return f"error: {text}" + (f" (see {context.command_path} --help)" if context else "")


def lines(text: str, exit_code: int, where: str = "") -> str:
    """Return `text`, each of its lines marked as an error; `where` says what it is about."""
    mark = "internal error" if exit_code == EXIT_BUG else "error"
    place = f"{where}: " if where else ""
    return "\n".join(f"{mark}: {printable(place + line)}" for line in text.splitlines() or [""])
