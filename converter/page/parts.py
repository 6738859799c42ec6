"""What sections are made of: tables, lists of facts, diagrams; all text from files is escaped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from xml.etree import ElementTree

from markupsafe import Markup, escape

from converter import drawing
from converter.coreml.figures import shape_text
from converter.page.rendering import asset, render

STYLE = asset("parts.css")

Row = Sequence[object]
"""The cells of a row; the first names what the row is about."""


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Row], numbers: Collection[str] = ()
) -> Markup:
    """Return a table that scrolls by itself where it is too wide; `numbers` are aligned right."""
    right = [column in numbers for column in columns]
    return render("table.html.j2", caption=caption, columns=columns, rows=list(rows), right=right)


def facts(pairs: Iterable[tuple[str, object]]) -> Markup:
    """Return a list of what there is and how it is."""
    return render("facts.html.j2", pairs=list(pairs))


def paragraphs(texts: Iterable[object]) -> Markup:
    """Return each text as a paragraph."""
    return joined(Markup("<p>{}</p>").format(shown(text)) for text in texts)


def listing(texts: Iterable[object]) -> Markup:
    """Return the texts as a list."""
    return render("list.html.j2", texts=list(texts))


def folded(summary: str, body: Markup) -> Markup:
    """Return `body` as it is seen once `summary` is clicked."""
    return render("folded.html.j2", summary=summary, body=body)


def joined(parts: Iterable[Markup]) -> Markup:
    """Return the parts one after the other."""
    return Markup("\n").join(parts)


def shown(text: object) -> Markup:
    """Return `text` escaped, with what is hidden in it made visible."""
    return text if isinstance(text, Markup) else render("text.html.j2", text=str(text))


def shape_cell(shape: tuple[int | None, ...] | None) -> str:
    """Return a shape that stays in one line."""
    return shape_text(shape).replace(" ", "\N{NO-BREAK SPACE}")


def bar(share: float, *, is_strong: bool) -> Markup:
    """Return a bar that fills `share` of its place, 0 to 1; one that is not strong is hollow."""
    return render("bar.html.j2", width=f"{100 * share:.1f}", is_strong=is_strong)


def linked(text: str) -> Markup:
    """Return `text` of ours, in which addresses of the web are links."""
    return Markup(ADDRESS.sub(r'<a href="\g<0>" rel="noreferrer">\g<0></a>', escape(text)))


ADDRESS = re.compile(r"https?://[^\s()<>\"']*[^\s()<>\"'.,;:]")


def diagram(drawn: drawing.Figure, name: str, caption: str, text: str) -> Markup:
    """Return a figure of matplotlib as a part of the page.

    What is drawn in black has the colour of the page's text, so that it is seen in the dark, too.
    `text` says in words what there is to see. `name` is that of no other diagram on the page.
    """
    root = ElementTree.fromstring(drawing.svg(drawn, name))
    _adapt(root)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": text}
    picture = ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)
    return render("diagram.html.j2", picture=Markup(picture), caption=caption)


def _adapt(root: ElementTree.Element) -> None:
    """Make of matplotlib's SVG what may stand in HTML under the page's policy.

    The policy forbids ``style`` attributes, but each of what matplotlib says there may as well be
    an attribute of its own: https://www.w3.org/TR/SVG2/styling.html#PresentationAttributes
    """
    used = set(REFERENCE.findall(ElementTree.tostring(root, encoding="unicode")))
    for parent in list(root.iter()):
        for child in [child for child in parent if _local(child.tag) in ("metadata", "style")]:
            parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        found = {_local(name): value for name, value in element.attrib.items()}
        if found.get("id") not in used:
            found.pop("id", None)
        looks = dict(_presentation(found.pop("style", "")))
        element.attrib = {**found, **looks}


REFERENCE = re.compile(r"#([A-Za-z_][\w.-]*)")

INK = ("#000000", "black")


def _presentation(style: str) -> Iterator[tuple[str, str]]:
    """Yield the attributes that say what a ``style`` does; the font is that of the page."""
    for part in filter(None, style.split("; ")):
        name, _, value = part.partition(": ")
        if name == "font":  # all in one, by versions before 3.9
            yield from (("font-size", size) for size in re.findall(r"[\d.]+px", value))
        elif name != "font-family":
            yield name, "currentColor" if value in INK else value


def _local(name: str) -> str:
    """Return a name without the namespace that HTML knows anyway."""
    return name.rpartition("}")[2]
