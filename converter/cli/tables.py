"""What a model holds, as people read it at a terminal: tables in which no name is cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from converter.cli.printable import printable
from converter.coreml.contents import COLUMNS, Allowed, Feature, Layer, Neighborhood, Update
from converter.errors import first_of

WIDEST = 100_000
"""Columns, more than any table has: the width where no terminal limits it."""

SHOWN_LABELS = 20

BORDER = 3
"""Columns that a table needs beside each of its own: a line and two blanks."""


def plain_console() -> Console:
    """Return standard output, on which text is neither coloured by its meaning nor wrapped.

    What is piped has no width: nothing of it is broken, whatever COLUMNS says.
    """
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDEST
    return console


def table_of(*columns: str) -> Table:
    """Return an empty table, whose first column holds names."""
    name, *others = columns
    return Table(Column(name, no_wrap=True), *(Column(text, overflow="fold") for text in others))


def print_table(table: Table, console: Console) -> None:
    """Print `table` so that no word is broken: names are what options take.

    Where the terminal is too narrow for that, each row becomes lines of its own, which only the
    terminal breaks, so that what is copied from it is whole.
    """
    room = console.width - BORDER * len(table.columns) - 1
    needs = [_widths(column, console) for column in table.columns]
    widths = _fitted([least for least, _ in needs], [most for _, most in needs], room)
    if widths is None:
        _print_rows(table, console)
        return
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    console.print(table, soft_wrap=False)


def _widths(column: Column, console: Console) -> tuple[int, int]:
    """Return the columns of a terminal that a column needs: unbroken words, unbroken lines."""
    unlimited = console.options.update(width=WIDEST)
    found = [Measurement.get(console, unlimited, part) for part in (column.header, *column.cells)]
    longest = max(each.maximum for each in found)
    return longest if column.no_wrap else max(each.minimum for each in found), longest


def _fitted(least: Sequence[int], most: Sequence[int], room: int) -> list[int] | None:
    """Return widths between `least` and `most` that fit into `room`, None if there are none."""
    if sum(least) > room:
        return None
    widths = list(most)
    while sum(widths) > room:
        slack = [width - low for width, low in zip(widths, least, strict=True)]
        widths[slack.index(max(slack))] -= 1
    return widths


def _print_rows(table: Table, console: Console) -> None:
    """Print the name of each row, and below it what the other columns say of it."""
    heads = [str(column.header) for column in table.columns]
    indent = max(map(len, heads))
    rows = zip(*(column.cells for column in table.columns), strict=True)
    for row, (name, *others) in zip(table.rows, rows, strict=True):
        console.print(name, style=row.style)
        for head, text in zip(heads[1:], map(str, others), strict=True):
            if text:
                console.print(f"  {head:<{indent}} {text}", markup=False)


def cell(text: str) -> Text:
    """Return what stands in a cell: names come from files, and may hold anything."""
    return Text(printable(text))


def layer_table(layers: Iterable[Layer]) -> Table:
    """Return the table of the layers of a Core ML model; those that learn are bold."""
    table = table_of(*COLUMNS)
    for layer in layers:
        table.add_row(*map(cell, layer.cells()), style="bold" if layer.updatable else None)
    return table


def features(found: Iterable[Feature]) -> str:
    """Return inputs or outputs with their types."""
    return "; ".join(map(str, found))


def classes(labels: Sequence[str | int]) -> str:
    """Return the labels of a classifier; of many the first."""
    more = len(labels) - SHOWN_LABELS
    return ", ".join(map(str, labels[:SHOWN_LABELS])) + (f" and {more} more" if more > 0 else "")


def order(update: Update) -> str:
    """Return whether samples are shuffled, and by which seed."""
    if not update.shuffle:
        return "no"
    return "yes" if update.seed is None else f"yes, seed {update.seed}"


def allowed(number: Allowed) -> str:
    """Return a number of the update, and in brackets what an app may choose instead."""
    if number.allowed is not None:
        listed = ", ".join(map(str, number.allowed))
        if len(number.allowed) > 12:
            listed = (
                f"{len(number.allowed)} values from {number.allowed[0]} to {number.allowed[-1]}"
            )
        return f"{number.default:g} ({listed})"
    if number.min is not None:
        return f"{number.default:g} ({number.min:g} … {number.max:g})"
    return f"{number.default:g} (fixed)"


MOST_CLASSES = 12
"""Classes whose samples are listed."""


def neighborhood(found: Neighborhood) -> Iterator[tuple[str, str]]:
    """Yield what a k-nearest-neighbours classifier compares with, and how: (what, text)."""
    yield "dimensions", str(found.dimensions)
    yield "neighbors", allowed(found.neighbors)
    leaves = "" if found.leaf_size is None else f", {found.leaf_size} samples in a leaf"
    yield "index", f"{found.index}{leaves}"
    yield "weighting", found.weighting
    yield "distance", found.distance
    counts = [f"{label}: {count}" for label, count in found.samples.items()]
    listed = first_of(counts, MOST_CLASSES)
    total = sum(found.samples.values())
    yield "samples", f"{total:,} of {len(counts)} classes ({listed})" if total else "none yet"
    if found.default_label is not None:
        yield "default label", str(found.default_label)
