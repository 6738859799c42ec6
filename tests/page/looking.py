"""A page as its reader finds it: the text of each section, and the cells of its tables."""

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "input"}


class Page(HTMLParser):
    """The sections of a page by their title: text, tables, and the tags with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.sections, self.tags, self.tables, self.title = {}, [], {}, ""
        self._open, self._heading, self._section = [], "", None
        self.feed(html)
        assert self._open == [], "every tag is closed"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag in VOID:
            return
        self._open.append(tag)
        if tag == "h2":
            self._heading = ""
        elif tag == "table":
            self._rows = self.tables[dict(attributes)["aria-label"]] = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td"):
            self._rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        if tag == "h2":
            self._section = self.sections[self._heading] = []

    def handle_data(self, data):
        if self._open and self._open[-1] == "title":
            self.title += data
        if "h2" in self._open:
            self._heading += data
        elif self._section is not None and not {"style", "script"} & set(self._open):
            self._section.append(data)
        if {"th", "td"} & set(self._open):
            self._rows[-1][-1] += data.replace("\N{NO-BREAK SPACE}", " ")

    def text(self, section):
        """Return the text of a section in one line."""
        return re.sub(r"\s+", " ", " ".join(self.sections[section])).strip()

    def of(self, tag):
        """Return the attributes of all tags of this name."""
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(*sections):
    """Return a page with `sections` as its reader finds it."""
    from converter.page import document

    return Page(document("a page", sections))
