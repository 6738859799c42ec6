"""What a Core ML model holds, as people read it at a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from converter.coreml.inspection import COLUMNS, Allowed, Feature, Layer, Update


def layer_table(layers: Iterable[Layer]) -> Table:
    """Return the table of the layers of a Core ML model; those that learn are bold."""
    table = Table(*COLUMNS)
    for layer in layers:
        table.add_row(*map(Text, layer.cells()), style="bold" if layer.updatable else None)
    return table


def features(found: Iterable[Feature]) -> str:
    """Return inputs or outputs with their types."""
    return "; ".join(map(str, found))


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
