"""Tables at a terminal of any width: no name is cut, nothing of the rest is lost."""

import io

import pytest
from rich.console import Console

from converter.cli.tables import layer_table, print_table, table_of
from converter.coreml.contents import Layer

NAMES = ("block14_sepconv2_act__activation__with_a_long_name", "dense 5 with blanks in its name")
REASON = "layer 'leaky' (LeakyReLU) stands between it and the loss"


def printed(table, width):
    file = io.StringIO()
    print_table(table, Console(file=file, width=width, soft_wrap=True))
    return file.getvalue()


@pytest.mark.parametrize("width", [20, 60, 200])
def test_layer_names_are_never_cut(width):
    layers = [Layer(name, "innerProduct", (), (), (10, 1, 1), 5010, True) for name in NAMES]
    shown = printed(layer_table(layers), width)
    lines = shown.splitlines()
    assert all(any(name in line for line in lines) for name in NAMES)
    assert "…" not in shown


@pytest.mark.parametrize("width", [117, 130, 200])
def test_what_stands_beside_a_name_is_broken_between_words_only(width):
    table = table_of("layer", "class", "output", "why not")
    table.add_row(NAMES[0], "SeparableConvolution2D", "? × 26 × 26 × 32", REASON)
    lines = printed(table, width).splitlines()
    assert any("'leaky'" in line for line in lines)
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    columns = ["".join(column).replace(" ", "") for column in zip(*cells, strict=True)]
    wanted = (NAMES[0], "SeparableConvolution2D", "? × 26 × 26 × 32", REASON)
    assert columns == [text.replace(" ", "") for text in wanted]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize("width", [20, 60, 105])
def test_where_words_do_not_fit_beside_each_other_each_row_is_lines_of_its_own(width):
    table = table_of("layer", "class", "output", "weights", "why not")
    table.add_row(NAMES[0], "SeparableConvolution2D", "? × 26 × 26 × 32", "", REASON)
    table.add_row(NAMES[1], "Dense", "? × 10", "510", "")
    assert printed(table, width).splitlines() == [
        NAMES[0],
        "  class   SeparableConvolution2D",
        "  output  ? × 26 × 26 × 32",
        f"  why not {REASON}",
        NAMES[1],
        "  class   Dense",
        "  output  ? × 10",
        "  weights 510",
    ]


def test_a_table_is_as_wide_as_the_terminal_where_names_fit():
    table = table_of("layer", "why not")
    table.add_row("dense_1", REASON * 3)
    assert max(map(len, printed(table, 60).splitlines())) == 60
