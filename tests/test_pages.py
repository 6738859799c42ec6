"""The generated parts of `docs/` are what the program says today."""

import re
from datetime import date

import pytest

from converter import errors
from converter.validation.rules import RULES
from tests import pages
from tests.benchmarks.measured import MEASURED
from tests.long import usual_or_long
from tests.pages import between
from tests.paths import ROOT

PARTS = [(page, mark) for page, parts in pages.PAGES.items() for mark in parts]


def rows(text):
    """Return the cells of the rows of a Markdown table, without its head."""
    return [re.split(r" (?<!\\)\| ", line[2:-2]) for line in text.splitlines()
            if line.startswith("| ")][1:]  # fmt: skip


@pytest.mark.parametrize(("page", "mark"), PARTS, ids=map("-".join, PARTS))
def test_a_part_is_current(page, mark):
    assert between(page, mark) == pages.PAGES[page][mark](), "run: python -m tests.pages"


def test_a_stale_part_is_written_anew_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "path", lambda page: tmp_path / page)
    (tmp_path / "page").write_text("a\n<!-- one:begin -->\nold\n<!-- one:end -->\nz\n")
    pages.write("page", "one", r"new \1")
    made = "a\n<!-- one:begin -->\nnew \\1\n<!-- one:end -->\nz\n"
    assert (tmp_path / "page").read_text() == made
    with pytest.raises(AssertionError, match="lacks the marks of two"):
        pages.between("page", "two")


def test_the_table_of_keras_layers_is_current():
    """Every row in the long run, else some: each is lowered, and takes a tenth of a second."""
    from tests.lower import keras_layers

    parts = [between("layers", mark).splitlines()[2:] for mark in ("layers", "activations")]
    shown = [line for lines in parts for line in lines]
    every = list(keras_layers.rows())
    assert [line[2:].partition(" | ")[0] for line in shown] == [name for name, *_ in every]
    step = usual_or_long(9, 1)
    for line, example in list(zip(shown, every, strict=True))[::step]:
        assert keras_layers.row(*example) == line, "run: python -m tests.pages layers"


def test_the_table_of_backbones_has_each_at_both_sizes_and_all_pass():
    from tests.benchmarks.backbones import PARITY, SIZES

    found = rows((ROOT / "docs" / "backbones.md").read_text(encoding="utf-8"))
    sizes = [(name, f"{size} × {size}") for name, both in SIZES.items() for size in both]
    assert [(name, size) for name, size, *_ in found] == sizes
    verdicts = [cells[-1].split(", ") for cells in found]
    assert {verdict for verdict, _ in verdicts} == {"PASS"}
    assert max(float(parity) for _, parity in verdicts) < PARITY


def test_the_table_of_exit_codes_has_them_all():
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    section = text.partition("## Exit codes\n")[2].partition("\n## ")[0]
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert sorted(codes) == [int(code) for code, _ in rows(section)]


@pytest.mark.parametrize("found", MEASURED, ids=lambda found: found.title)
def test_a_figure_says_from_which_benchmark_and_when(found):
    scripts = re.findall(r"tests/benchmarks/\w+\.py", found.benchmark)
    assert scripts or found.benchmark.startswith("make-updatable train ")
    assert all((ROOT / script).exists() for script in scripts)
    assert date(2026, 11, 22) <= date.fromisoformat(found.date)
    assert {len(row) for row in found.rows} == {len(found.rows[0])}


def test_each_rule_has_a_heading_that_messages_can_be_linked_to():
    text = between("rules", "explanations")
    assert re.findall(r"^### (.*)$", text, re.MULTILINE) == [rule.RULE.code for rule in RULES]
    for part in ("What", "Why", "Fix", "Source"):
        assert len(re.findall(rf"^- \*\*{part}:\*\* \S", text, re.MULTILINE)) == len(RULES)
    links = re.findall(r"\(#(\w+)\)", between("rules", "rules"))
    assert links == [rule.RULE.code.lower() for rule in RULES]
