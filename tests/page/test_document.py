"""The page as text: all of a file is escaped in it, and its policy knows its own script only."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from markupsafe import Markup

from converter.page import Section, document
from converter.page.rendering import render, visible

AWKWARD = '<script>alert(1)</script>"]]></svg>&\x1b[2J\x00\u202egnp.\u2066\ud800'


class Elements(HTMLParser):
    """The elements of a page with their attributes and the text directly inside."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes), []))

    def handle_endtag(self, tag):
        self.found.append((f"/{tag}", {}, []))

    def handle_data(self, data):
        if self.found:
            self.found[-1][2].append(data)

    def of(self, tag):
        return [(a, "".join(text)) for found, a, text in self.found if found == tag]


def policy(page):
    (content,) = (a["content"] for a, _ in Elements(page).of("meta") if a.get("http-equiv"))
    return dict(part.split(" ", 1) for part in content.split("; "))


def sha256(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_awkward_text_stays_text():
    page = document(AWKWARD, [Section(AWKWARD, Markup("<p>{}</p>").format("<b>"))])
    page.encode()
    found = Elements(page)
    assert found.of("script") == []
    assert found.of("b") == []
    shown = '<script>alert(1)</script>"]]></svg>&\\x1b[2J\\x00\\u202egnp.\\u2066\\ud800'
    assert [text.strip() for _, text in found.of("title")] == [shown]
    assert [text.strip() for _, text in found.of("h2")] == [shown]


def test_nothing_hidden_is_left_in_text():
    assert visible("dense_1") == "dense_1"
    assert visible("Größe 大小 שלום 👩‍🔬\n") == "Größe 大小 שלום 👩‍🔬\n"
    assert visible("a\u2028b\x7f\x85") == "a\\u2028b\\x7f\\x85"


def test_the_policy_names_what_the_page_holds_and_nothing_else():
    script, style = 'if (1 < 2 && "a" > "b") { }', "p > a::before { content: '<&'; }"
    section = Section("One", Markup(), style, script)
    page = document("Two sections", [section, section])
    (written,) = (text for _, text in Elements(page).of("script"))
    styles = [text for _, text in Elements(page).of("style")]
    assert written == script
    assert styles[1:] == [style]
    assert policy(page) == {
        "default-src": "'none'",
        "style-src": " ".join(map(sha256, styles)),
        "script-src": sha256(script),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_a_page_without_scripts_allows_none():
    page = document("Empty", [])
    assert policy(page)["script-src"] == "'none'"
    assert Elements(page).of("nav") == []


def test_each_section_is_found_from_the_top_of_the_page():
    page = document("A", [Section("B", Markup()), Section("C", Markup())])
    assert re.findall(r'<a href="#(.*?)">(.*?)</a>', page) == [
        ("section-1", "B"),
        ("section-2", "C"),
    ]
    assert [a["id"] for a, _ in Elements(page).of("section")] == ["section-1", "section-2"]


def test_a_template_escapes_what_it_is_given():
    made = render("page.html.j2", title="<i>", sections=[], policy="", styles=[], scripts=[])
    assert "<title>&lt;i&gt;</title>" in made
