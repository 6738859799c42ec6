"""The pages of the documentation: what stands on them, as a reader of Markdown sees it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
"""The pages whose code is run."""

LINKED = [*PAGES, ROOT / "models" / "README.md", ROOT / "CONTRIBUTING.md"]
"""The pages whose links are followed."""


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, and the line of the page on which it begins."""

    language: str
    text: str
    line: int

    @property
    def name(self) -> str:
        """The file that a reader saves it as, if its first line is a comment with a name."""
        found = re.match(r"# ([\w/.-]+\.(?:ya?ml|py))\n", self.text)
        return found[1] if found else ""

    def commands(self) -> list[str]:
        """Return the commands of a block of shell, each in one line, without comments."""
        lines = re.sub(r"\\\n *", "", self.text).splitlines()
        plain = (re.sub(r"(^|\s+)#\s.*", "", line) for line in lines)
        return [" ".join(line.split()) for line in plain if line.strip()]


def name_of(page: Path) -> str:
    """Return what a page is called in tables and messages: ``docs/tutorial.md``."""
    return page.relative_to(ROOT).as_posix()


@cache
def tokens(page: Path) -> list[Token]:
    """Return what Markdown makes of a page."""
    return MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> list[Block]:
    """Return the blocks of code of a page, in their order."""
    return [
        Block(token.info.strip(), token.content, (token.map or [0])[0] + 1)
        for token in tokens(page)
        if token.type in ("fence", "code_block")
    ]


def _inline(page: Path) -> Iterator[Token]:
    for token in tokens(page):
        yield from token.children or []


def links(page: Path) -> list[str]:
    """Return where the links and pictures of a page point to."""
    found = (token.attrs.get("href") or token.attrs.get("src") for token in _inline(page))
    return [str(place) for place in found if place]


def words(page: Path) -> list[str]:
    """Return what stands in ``code`` style in the text of a page."""
    return [token.content for token in _inline(page) if token.type == "code_inline"]


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found, seen = set(), Counter[str]()
    parts = tokens(page)
    for before, token in pairwise(parts):
        if before.type == "heading_open":
            text = re.sub(r"[^\w\- ]", "", _plain(token).lower()).replace(" ", "-")
            found.add(f"{text}-{seen[text]}" if seen[text] else text)
            seen[text] += 1
    return found


def _plain(token: Token) -> str:
    return "".join(child.content for child in token.children or [])
