"""An exception as the line that the user reads, and the exit code that goes with it."""

from __future__ import annotations

from converter.errors import EXIT_BUG, EXIT_ERROR, MakeUpdatableError


def explain(error: Exception) -> tuple[str, int]:
    """Return what to print after ``error:`` or ``internal error:``, and the exit code."""
    if isinstance(error, MakeUpdatableError):
        return str(error), error.exit_code
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


def lines(text: str, exit_code: int, where: str = "") -> str:
    """Return `text`, each of its lines marked as an error; `where` says what it is about."""
    mark = "internal error" if exit_code == EXIT_BUG else "error"
    place = f"{where}: " if where else ""
    return "\n".join(f"{mark}: {place}{line}" for line in text.splitlines() or [""])
