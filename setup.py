"""What setup.cfg cannot say: a package index shows the README where no other file of it is."""

import os
import re
from pathlib import Path

from setuptools import setup

SOURCE = "MAKE_UPDATABLE_SOURCE"
"""Variable that tells where the files of this version can be seen: https://…/blob/<tag>."""

README = Path(__file__).with_name("README.md")

FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
ELSEWHERE = r"(?!https?:|mailto:|#)"
LINK = re.compile(rf"(?P<picture>!?)\[(?P<text>[^\]]*)\]\({ELSEWHERE}(?P<path>[^)\s]+)\)")
ATTRIBUTE = re.compile(rf'(?P<name>\b(?:src|srcset|href)=")(?P<path>{ELSEWHERE}[^"]+)"')


def for_an_index(text: str, source: str) -> str:
    """Return the Markdown `text` with links that lead to `source`.

    Where `source` is empty, links become their text: a link that leads nowhere helps nobody.
    """
    pieces = FENCE.split(text)
    pieces[::2] = (_outside_of_code(piece, source.rstrip("/")) for piece in pieces[::2])
    return "".join(pieces)


def _outside_of_code(text: str, source: str) -> str:
    def link(found: re.Match[str]) -> str:
        if not source:
            return found["text"]
        place = _raw(source) if found["picture"] else source
        return f"{found['picture']}[{found['text']}]({place}/{found['path']})"

    def attribute(found: re.Match[str]) -> str:
        place = source if found["name"].startswith("href") else _raw(source)
        return f'{found["name"]}{place}/{found["path"]}"' if source else f'{found["name"]}#"'

    return ATTRIBUTE.sub(attribute, LINK.sub(link, text))


def _raw(source: str) -> str:
    """Return where GitHub shows the bytes of a file, not a page about it."""
    return source.replace("/blob/", "/raw/", 1)


if __name__ == "__main__":
    SEEN_AT = os.environ.get(SOURCE, "")
    setup(
        long_description=for_an_index(README.read_text(encoding="utf-8"), SEEN_AT),
        long_description_content_type="text/markdown",
        project_urls={"Source": SEEN_AT.partition("/blob/")[0]} if SEEN_AT else {},
    )
