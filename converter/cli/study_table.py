"""The answer of a study as a person reads it at a terminal."""

from __future__ import annotations

from rich.console import Console

from converter.cli.tables import cell, plain_console, print_table, table_of
from converter.studies.answer import Answer
from converter.studies.figures import Row
from converter.studies.words import estimate_of, goal_of, setting, verdict

MOST_ROWS = 20
"""Settings in the table; the files have all."""


def print_answer(answer: Answer) -> None:
    """Print the table of settings, the recommended one, what the next ones mean, and the notes."""
    console = plain_console()
    seeds = len(answer.study.seeds)
    console.print(
        f"{answer.users} users, {answer.samples} samples of each, {seeds} seed{'s' * (seeds > 1)}; "
        f"± is 95 % over seeds", markup=False,
    )  # fmt: skip
    _print_rows(answer, answer.ranked[:MOST_ROWS], console)
    if len(answer.ranked) > MOST_ROWS:
        console.print(f"{len(answer.ranked) - MOST_ROWS} more settings are in -o FILE")
    console.print("the best setting, by number of samples", markup=False)
    _print_rows(answer, answer.curve, console)
    for line in (*verdict(answer), *answer.notes):
        console.print(line, markup=False)


def _print_rows(answer: Answer, rows: list[Row], console: Console) -> None:
    several = len(answer.models) > 1
    has_momentum = any(row.trial.momentum is not None for row in rows)
    names = ["setting", "samples", "gain 10 %", "gain median", "gain 90 %", "made worse",
             "forgetting", "goal"]  # fmt: skip
    table = table_of(*names)
    for row in rows:
        gain = [estimate_of(row.gain[percent]) for percent in (10, 50, 90)]
        model = answer.models[row.trial.model].name if several else ""
        table.add_row(
            *map(cell, (setting(row, has_momentum, model), str(row.samples), *gain,
                        estimate_of(row.worse), estimate_of(row.forgetting),
                        goal_of(answer, row)))
        )  # fmt: skip
    print_table(table, console)
