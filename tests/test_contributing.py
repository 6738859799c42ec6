"""What CONTRIBUTING shows is what the files say."""

import re

import pytest

from tests import architecture
from tests.paths import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def test_the_worked_example_stands_in_the_named_files():
    steps = re.findall(r"`([\w/]+\.py)`(?:(?!\.py`|```).)*```python\n(.*?)```", TEXT, re.DOTALL)
    assert [name for name, _ in steps] == [
        "converter/lower/emit/activation.py",
        "converter/lower/emit/__init__.py",
        "tests/lower/test_emitters.py",
    ]
    for name, code in steps:
        assert code in (ROOT / name).read_text(), name


def test_every_room_and_file_that_is_named_exists():
    names = re.findall(r"`((?:[a-z_]+/)*[a-z_]+(?:\.py|/))`", TEXT)
    assert len(names) > 20
    for name in names:
        assert (ROOT / name).exists() or (ROOT / "converter" / name).exists(), name


def between(marker):
    found = re.search(rf"<!-- {marker}:begin -->\n(.*?)\n<!-- {marker}:end -->", TEXT, re.DOTALL)
    return found[1]


@pytest.mark.parametrize(
    ("marker", "made"), [("rooms", architecture.table), ("imports", architecture.picture)]
)
def test_the_rooms_are_those_of_the_list(marker, made):
    assert between(marker) == made(), "run: python -m tests.architecture"


def test_an_arrow_that_a_longer_way_makes_superfluous_is_left_out():
    graph = {"a": {"b", "c", "d"}, "b": {"c"}, "c": {"d"}, "d": set()}
    assert architecture.reduced(graph) == {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": set()}
