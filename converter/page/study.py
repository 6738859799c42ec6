"""The answer of a study: what to ship, how users fare with it, and what else was tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from converter.drawing import figure
from converter.page.curves import PANEL
from converter.page.document import Section
from converter.page.parts import STYLE, diagram, facts, folded, joined, listing, table
from converter.studies.answer import Answer
from converter.studies.figures import Row
from converter.studies.plots import draw_gain, draw_users, median_gains
from converter.studies.words import estimate_of, goal_of, setting, verdict

MOST_ROWS = 20
"""Settings that are seen at once."""

MOST_MORE = 500
"""Settings that are folded away; files have all."""

NUMBERS = ("learning_rate", "momentum", "epochs", "batch_size")


def study(answer: Answer) -> list[Section]:
    """Return the sections for the answer of a study."""
    found = [
        Section("The answer", joined(_answer(answer)), STYLE),
        Section("How users fare", joined(_curves(answer)), STYLE),
        Section("All settings", joined(_settings(answer)), STYLE),
    ]
    return [*found, Section("Notes", listing(answer.notes), STYLE)] if answer.notes else found


def _answer(answer: Answer) -> Iterator[Markup]:
    goal, seeds = answer.study.goal, len(answer.study.seeds)
    yield listing(verdict(answer))
    yield facts(
        [
            ("users", f"{answer.users:,}"),
            ("samples of each", str(answer.samples)),
            ("seeds", f"{seeds}; ± is 95 % over them"),
            ("goal", f"median gain at least {goal.gain:g}, made worse at most {goal.worse:g}, "
             f"forgetting at most {goal.forgetting:g}"),
        ]
    )  # fmt: skip
    if answer.is_reached:
        best = answer.best.trial
        rows = [
            [name.replace("_", " "), f"{getattr(best, name):g}", _listed(answer.allowed(name))]
            for name in NUMBERS
            if getattr(best, name) is not None
        ]
        columns = ["number", "default", "reaches the goal, too"]
        yield table("What to ship", columns, rows, {"default"})


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _curves(answer: Answer) -> Iterator[Markup]:
    low, high = answer.curve[0], answer.curve[-1]
    gain = (
        f"median gain from {low.median:.3f} with {low.samples} samples to {high.median:.3f} with "
        f"{high.samples}"
    )
    worse = f"{100 * answer.best.worse.mean:.0f} % of the users are made worse"
    drawn = [
        diagram(figure(PANEL, lambda each: draw_gain(each.subplots(), answer)), "gain",
                "gain by number of samples", gain),
        diagram(figure(PANEL, lambda each: draw_users(each.subplots(), answer)), "users",
                "share of users by gain", worse),
    ]  # fmt: skip
    yield Markup('<div class="diagrams">{}</div>').format(joined(drawn))
    yield _table("The best setting, by number of samples", answer, answer.curve)
    rates, epochs, found = median_gains(answer)
    rows = [
        [count, *("–" if gain != gain else f"{gain:.3f}" for gain in line)]
        for count, line in zip(epochs, found, strict=True)
    ]
    columns = ["epochs", *(f"rate {rate:g}" for rate in rates)]
    caption = f"Median gain by learning rate and epochs, {answer.samples} samples"
    yield table(caption, columns, rows, columns)


def _settings(answer: Answer) -> Iterator[Markup]:
    caption = f"Settings with {answer.samples} samples, the best first"
    yield _table(caption, answer, answer.ranked[:MOST_ROWS])
    if more := answer.ranked[MOST_ROWS : MOST_ROWS + MOST_MORE]:
        yield folded(f"{len(more)} more settings", _table("More settings", answer, more))


def _table(caption: str, answer: Answer, rows: Sequence[Row]) -> Markup:
    several = len(answer.models) > 1
    columns = ["setting", "samples", "gain 10 %", "gain median", "gain 90 %", "made worse",
               "forgetting", "goal"]  # fmt: skip
    cells = [
        [
            setting(row, model=answer.models[row.trial.model].name if several else ""),
            row.samples,
            *(estimate_of(row.gain[percent]) for percent in (10, 50, 90)),
            estimate_of(row.worse), estimate_of(row.forgetting), goal_of(answer, row),
        ]
        for row in rows
    ]  # fmt: skip
    return table(caption, columns, cells, columns[1:7])
