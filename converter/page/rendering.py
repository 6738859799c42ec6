"""Templates with text from files put into them, so that it stays text."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"

HIDDEN = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories that no page shows as what they are: control characters, halves, breaks."""

TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of the text around them."""


def visible(text: str) -> str:
    r"""Return `text` with escapes such as ``\x1b`` and ``\u202e`` for what would not be seen."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(
        char.encode("unicode_escape").decode()
        if char in TURNING or (unicodedata.category(char) in HIDDEN and char != "\n")
        else char
        for char in text
    )


def _shown(value: Any) -> Any:
    """Return what a template prints for `value`: text with nothing hidden in it."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: Any) -> Markup:
    """Return the template of this name in `templates/`, with `values` escaped unless `Markup`."""
    return Markup(_environment().get_template(template).render(**values))


def asset(name: str) -> str:
    """Return the text of a style or a script of ours in `templates/`."""
    return (TEMPLATES / name).read_text("utf-8")
