"""Diagrams drawn by matplotlib without a display, as PNG and SVG."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from converter.errors import MissingDependencyError, install
from converter.files.writing import replacing

Figure: TypeAlias = Any
"""A figure of matplotlib, which has no types of its own here."""

Axes: TypeAlias = Any

STYLE = {
    "text.parse_math": False,  # a dollar in the name of a class is a dollar
    "svg.fonttype": "none",  # text stays text, in any script, and can be read aloud
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}

NO_GLYPH = "Glyph .* missing from"
"""What matplotlib warns of in scripts that its font lacks; an SVG has them, a PNG shows a box."""


def check_matplotlib(flag: str) -> None:
    """Check that diagrams can be drawn for the option `flag`.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    _matplotlib(flag)


def _matplotlib(flag: str) -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise MissingDependencyError(f"{flag} needs matplotlib; {install('report')}") from error
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where its cache lies is of no use
    return matplotlib


def figure(size: tuple[float, float], draw: Callable[[Figure], None]) -> Figure:
    """Return a figure of `size` in inches on which `draw` has drawn.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    with _style():
        from matplotlib.figure import Figure as Drawn

        drawn = Drawn(figsize=size, layout="constrained")
        draw(drawn)
    return drawn


def write(drawn: Figure, target: Path) -> None:
    """Write a figure to `target`, by its ending as SVG or PNG.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(target) as temporary, _style():
        drawn.savefig(temporary, format=target.suffix[1:])


def svg(drawn: Figure, salt: str) -> str:
    """Return a figure as SVG without a background; `salt` makes its names those of no other."""
    text = io.StringIO()
    with _style({"svg.hashsalt": salt}):
        drawn.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return text.getvalue()


@contextmanager
def _style(more: dict[str, Any] | None = None) -> Iterator[None]:
    matplotlib = _matplotlib("this")
    with matplotlib.rc_context({**STYLE, **(more or {})}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", NO_GLYPH, UserWarning)
        yield
