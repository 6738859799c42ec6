"""Text from files as one line of a terminal."""

from __future__ import annotations

import unicodedata

MOVING = ("Cc", "Zl", "Zp")
"""Unicode categories of what moves, colours or clears: control characters and line breaks."""


def printable(text: str) -> str:
    r"""Return `text` with escapes such as ``\n`` and ``\x1b`` for what a terminal would obey."""
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in MOVING else char
        for char in text
    )
