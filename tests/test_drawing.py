"""What matplotlib draws: any text stays that text, and nothing of it depends on the clock."""

import sys
import warnings
from xml.etree import ElementTree

import pytest

from converter import drawing
from converter.errors import MissingDependencyError

AWKWARD = "$x_1$ </text><script> \N{CJK UNIFIED IDEOGRAPH-732B}"


def drawn(text=AWKWARD):
    def draw(figure):
        axes = figure.subplots()
        axes.plot([1, 2], [2, 1], marker="o", label=text)
        axes.set(title=text, xlabel=text)
        axes.legend()

    return drawing.figure((4, 3), draw)


def test_text_is_text_in_any_script():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        root = ElementTree.fromstring(drawing.svg(drawn(), "a"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count(AWKWARD) == 3


def test_the_same_is_drawn_the_same_and_has_names_of_its_own():
    assert drawing.svg(drawn(), "a") == drawing.svg(drawn(), "a")
    ids = [set(drawing.svg(drawn(), salt).split('clipPath id="')[1:]) for salt in "ab"]
    assert not ids[0] & ids[1]


def test_files_by_their_ending(tmp_path):
    for name, start in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml")):
        drawing.write(drawn(), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg"]


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"^--plot needs matplotlib; .*'\.\[report\]'"):
        drawing.check_matplotlib("--plot")
