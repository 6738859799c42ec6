"""The answer of a study as a person reads it at a terminal."""

from __future__ import annotations

from rich.console import Console

from converter.cli.tables import cell, plain_console, print_table, table_of
from converter.studies.answer import Answer
from converter.studies.figures import Row
from converter.studies.writing import NEXT, estimate_of, row_of

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
        misses = ", ".join(row.misses(answer.study.goal))
        goal = f"misses {misses}" if misses else "reached"
        if row.trial.needs:
            goal += "; needs a new recipe"
        model = answer.models[row.trial.model].name if several else ""
        table.add_row(
            *map(cell, (setting(row, has_momentum, model), str(row.samples), *gain,
                        estimate_of(row.worse), estimate_of(row.forgetting), goal))
        )  # fmt: skip
    print_table(table, console)


def setting(row: Row, has_momentum: bool = True, model: str = "") -> str:
    """Return a setting in one line, such as ``rate 0.01, 5 epochs, batch 16``."""
    trial = row.trial
    momentum = f", momentum {trial.momentum:g}" if has_momentum and trial.momentum else ""
    epochs = f"{trial.epochs} epoch{'s' * (trial.epochs > 1)}"
    front = f"{model}: " if model else ""
    return f"{front}rate {trial.learning_rate:g}{momentum}, {epochs}, batch {trial.batch_size}"


def verdict(answer: Answer) -> list[str]:
    """Return what is recommended, from how many samples it helps, and what the next ones mean."""
    best, goal = answer.best, answer.study.goal
    name = setting(best, True, answer.models[best.trial.model].name)
    if answer.is_reached:
        found = [f"recommended: {name}"]
    else:
        missed = ", ".join(f"{what} by {by:.3f}" for what, by in best.misses(goal).items())
        found = [f"no setting reaches the goal; the nearest, {name}, misses {missed}"]
    start = answer.helps_from
    found.append(
        "it never helps the median user without making too many worse" if start is None
        else f"it helps the median user from {start} samples on"
    )  # fmt: skip
    for row in answer.ranked[1 : NEXT + 1]:
        model = answer.models[row.trial.model].name if len(answer.models) > 1 else ""
        found.append(f"instead {setting(row, model=model)}: {_beside(row, best, answer)}")
    return found


def _beside(row: Row, best: Row, answer: Answer) -> str:
    told = [
        f"median gain {row.median - best.median:+.3f}",
        f"made worse {row.worse.mean - best.worse.mean:+.3f}",
    ]
    if row.forgetting and best.forgetting:
        told.append(f"forgetting {row.forgetting.mean - best.forgetting.mean:+.3f}")
    misses = row_of(answer, row)["misses"]
    if misses:
        told.append(f"misses the goal's {misses.replace(' ', ', ')}")
    return ", ".join(told)
