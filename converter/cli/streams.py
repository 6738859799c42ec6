"""Standard output and error as they may be: closed, full, cut off, or of an encoding like ASCII."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Any, TextIO

from converter.errors import EXIT_BROKEN_PIPE, MakeUpdatableError

AS_WRITTEN = "make-updatable.as-written"
"""How characters are written that an encoding does not hold, by name."""


def _as_written(error: UnicodeError) -> tuple[str | bytes, int]:
    """Give a byte of a file's name that is no UTF-8 back as it is, and escape all else."""
    assert isinstance(error, UnicodeEncodeError)
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.lookup_error("backslashreplace")(error)


codecs.register_error(AS_WRITTEN, _as_written)


class StreamError(MakeUpdatableError):
    """Standard output cannot be written. No `OSError`: nobody shall take it for one of a file."""


class NoReaderError(StreamError):
    """Who read the output, such as ``head``, has read enough; that is no mistake and not told."""

    exit_code = EXIT_BROKEN_PIPE


class _Output(io.FileIO):
    """Standard output, with errors of its own."""

    def write(self, data: Any) -> int:
        """Write `data` and return how many bytes of it went out."""
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise NoReaderError from error
        except OSError as error:
            raise StreamError(
                f"standard output: cannot be written ({error.strerror or error})"
            ) from error


def prepare() -> None:
    """Make both streams usable: a character that one cannot hold is written as an escape.

    A closed stream is replaced by one on which writing fails, or of errors by one that takes
    everything: else the next file that is opened would get its number and what is printed.
    """
    if sys.stdout is None:
        os.open(os.devnull, os.O_RDONLY)  # it gets the lowest number that is free
        sys.stdout = _text(_Output(1, "w", closefd=False), "utf-8")
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.flush()
        own = _Output(sys.stdout.fileno(), "w", closefd=False)
        sys.stdout = _text(own, sys.stdout.encoding, sys.stdout.line_buffering)
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    elif isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")


def _text(raw: io.FileIO, encoding: str, by_lines: bool = False) -> TextIO:
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding, errors=AS_WRITTEN, line_buffering=by_lines)


def flush() -> bool:
    """Write what is still to be written; tell whether that went well."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, StreamError):
        return False
    return True


def holds_all_characters(stream: TextIO) -> bool:
    """Tell whether every text can be written to `stream` as it is."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")
