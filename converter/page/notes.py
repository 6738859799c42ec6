"""What else there is to know."""

from __future__ import annotations

from collections.abc import Sequence

from converter.page.document import Section
from converter.page.parts import STYLE, listing


def notes(texts: Sequence[str]) -> list[Section]:
    """Return the section with what is to be known besides, none if that is nothing."""
    found = list(dict.fromkeys(texts))
    return [Section("Notes", listing(found), STYLE)] if found else []
