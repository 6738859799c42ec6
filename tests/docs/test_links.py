"""Links and anchors between the pages lead somewhere, and a reader can reach every page."""

from pathlib import Path

import pytest

from tests.docs.pages import LINKED, PAGES, anchors, links, name_of
from tests.paths import ROOT


def local(page):
    """Return the links of `page` into this repository: the file, and the anchor in it."""
    for link in links(page):
        if not link.startswith(("http:", "https:")):
            place, _, anchor = link.partition("#")
            yield link, (page.parent / place).resolve() if place else page, anchor


@pytest.mark.parametrize("page", LINKED, ids=name_of)
def test_every_link_leads_somewhere(page):
    found = list(local(page))
    assert [link for link, target, _ in found if not target.exists()] == []
    outside = [link for link, target, _ in found if not target.is_relative_to(ROOT)]
    assert outside == []
    pages = [(link, Path(target), anchor) for link, target, anchor in found if anchor]
    assert [link for link, target, anchor in pages if anchor not in anchors(target)] == []


def test_every_page_is_in_the_index():
    index = ROOT / "docs" / "README.md"
    listed = {target for _, target, _ in local(index)}
    assert [name_of(page) for page in PAGES[1:] if page not in {*listed, index}] == []


def test_the_readme_leads_to_the_index_and_is_short():
    readme = ROOT / "README.md"
    assert ROOT / "docs" / "README.md" in {target for _, target, _ in local(readme)}
    assert len(readme.read_text(encoding="utf-8").splitlines()) <= 150


def test_anchors_are_those_of_github():
    page = ROOT / "docs" / "converting.md"
    assert {"what-learns", "the-loss", "troubleshooting"} <= anchors(page)
    assert "1-train" in anchors(ROOT / "docs" / "tutorial.md")
