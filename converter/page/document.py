"""The page itself: sections one below the other, and nothing that is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from converter.page.rendering import asset, render


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading of its own.

    `body` is HTML in which all text from files is escaped, as `rendering.render` does. It bears
    neither ``style`` attributes nor handlers such as ``onclick``: the page forbids them. `style`
    and `script` are texts of ours, never made from a file; sections may share them.
    """

    title: str
    body: Markup
    style: str = ""
    script: str = ""


def document(title: str, sections: Sequence[Section]) -> str:
    """Return the HTML of a page with `sections`, which works offline and asks for nothing.

    Of scripts and styles, a browser takes only those of the page, known by their hashes
    (https://www.w3.org/TR/CSP3/#framework-directive-source-list), and pictures only from the page.
    """
    styles = _distinct([asset("page.css"), *(section.style for section in sections)])
    scripts = _distinct(section.script for section in sections)
    return render(
        "page.html.j2",
        title=title,
        sections=sections,
        policy=_policy(styles, scripts),
        styles=list(map(Markup, styles)),
        scripts=list(map(Markup, scripts)),
    )


def data_address(data: bytes, media_type: str) -> str:
    """Return `data` as the address of a picture that the page holds itself."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _distinct(texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text]


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Return the Content-Security-Policy of a page with these styles and scripts."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {_hashes(styles)}",
            f"script-src {_hashes(scripts)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hashes(texts: Sequence[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(d).decode()}'" for d in digests) or "'none'"
