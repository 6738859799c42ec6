"""What choices of layers that learn would cost, as people read it at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from converter.cli.printable import printable
from converter.cli.tables import cell, print_table, table_of
from converter.coreml.figures import size_text

if TYPE_CHECKING:
    from converter.conversion.advice import Advice

FORMS = {
    "network": "network",
    "pipeline": "pipeline",
    "pipeline_float16": "float16",
    "pipeline_int8": "int8",
}
"""Form of the file -> the head of its column."""


def print_advice(choices: Sequence[Advice], console: Console) -> None:
    """Print a row for each choice, then what each says to ``--layers``."""
    if not choices:
        console.print("no layer can learn, so there is nothing to choose", markup=False)
        return
    heads = "weights that learn", "multiply-adds a sample", "memory a step"
    table = table_of("let learn", *heads, *FORMS.values())
    for choice in choices:
        sizes = [choice.sizes[form] for form in FORMS]
        cells = (
            choice.what + (" (default)" if choice.is_default else ""),
            f"{choice.weights:,}",
            f"{choice.multiply_adds:,}",
            size_text(choice.memory.total),
            *("" if size is None else size_text(size) for size in sizes),
        )
        table.add_row(*map(cell, cells), style="bold" if choice.is_default else None)
    print_table(table, console)
    batch = choices[0].memory.batch_size
    for line in (
        f"memory: activations that gradients of {batch} samples need, all weights, and what the "
        "optimizer remembers; Core ML may take more",
        "sizes: the file as one network, with --layout pipeline, and with --frozen-weights float16 "
        "or int8",
        *(f"{choice.what}: --layers {','.join(choice.layers)}" for choice in choices),
    ):
        console.print(printable(line), markup=False)
