"""What a model holds, as people read it at a terminal: tables in which no name is cut."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from converter.cli.printable import printable
from converter.coreml.inspection import COLUMNS, Allowed, Feature, Layer, Neighborhood, Update

PIPED_WIDTH = 200
"""Columns of a table where no terminal limits them: reasons stay in one line."""


WIDEST = 100_000
"""Columns, more than any table has."""


SHOWN_LABELS = 20


def plain_console() -> Console:
    """Return standard output, on which text is neither coloured by its meaning nor wrapped."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED_WIDTH
    return console


def table_of(*columns: str) -> Table:
    """Return an empty table; of what is too wide, only the first column is never broken."""
    name, *others = columns
    return Table(Column(name, no_wrap=True), *(Column(text, overflow="fold") for text in others))


def print_table(table: Table, console: Console) -> None:
    """Print `table` as wide as the terminal, or wider if the names of its first column need it."""
    width = console.width
    unlimited = console.options.update(width=WIDEST)
    console.width = max(width, Measurement.get(console, unlimited, table).minimum)
    console.print(table, soft_wrap=False)
    console.width = width


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
    listed = ", ".join(counts[:MOST_CLASSES]) + (", …" if len(counts) > MOST_CLASSES else "")
    total = sum(found.samples.values())
    yield "samples", f"{total:,} of {len(counts)} classes ({listed})" if total else "none yet"
    if found.default_label is not None:
        yield "default label", str(found.default_label)
