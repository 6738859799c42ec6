"""How a training went: its curves, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from converter.page import curves
from converter.page.document import Section
from converter.page.parts import STYLE, diagram, facts, folded, joined, table
from converter.runtime import Epoch, History, Score

MOST_ROWS = 50
"""Epochs in the table; of more, some in between are left out."""


def training(history: History, samples: int | None = None) -> Section:
    """Return the section for a training; `samples` is how many it learnt from, if that is known."""
    return Section("Training", joined(_parts(history, samples)), STYLE)


def _parts(history: History, samples: int | None) -> Iterator[Markup]:
    told = [] if samples is None else [("samples", f"{samples:,}")]
    if history.kept is None:
        told.append(("epochs", str(len(history.epochs))))
    yield facts([*told, *_scores(history)])
    if history.kept is not None:
        rows = list(history.kept.items())
        yield table("Samples that were kept", ["class", "samples"], rows, {"samples"})
        return
    drawn = [
        diagram(curves.single(title, found), title, f"{title} by epoch", _text(title, found))
        for title, found in curves.panels(history).items()
    ]
    yield Markup('<div class="diagrams">{}</div>').format(joined(drawn))
    yield folded("The numbers of each epoch", _table(history.epochs))


def _scores(history: History) -> Iterator[tuple[str, str]]:
    """Yield how well the model answered before and after."""
    before, after = history.before, history.after
    if history.epochs:
        last = history.epochs[-1]
        yield "last epoch", score_text(Score(last.loss, last.accuracy))
        if before is not None:
            after = Score(last.held_out_loss, last.held_out_accuracy)
    if before is not None:
        yield "held out, before", score_text(before)
    if after is not None:
        yield "held out, after", score_text(after)


def score_text(score: Score) -> str:
    """Return a score in words."""
    loss = [] if score.loss is None else [f"loss {score.loss:.4f}"]
    accuracy = [] if score.accuracy is None else [f"accuracy {100 * score.accuracy:.2f} %"]
    return ", ".join([*loss, *accuracy])


def _text(title: str, found: Mapping[str, curves.Curve]) -> str:
    """Return in words what a diagram shows."""
    told = []
    for name, curve in found.items():
        values = [value for value in curve if value is not None]
        told.append(f"{name} from {values[0]:.4g} to {values[-1]:.4g}")
    return f"{title} over the epochs: {'; '.join(told)}"


def _table(epochs: Sequence[Epoch]) -> Markup:
    every = -(-len(epochs) // MOST_ROWS)
    chosen = [each for n, each in enumerate(epochs, 1) if n % every == 0 or n in (1, len(epochs))]
    columns = ["epoch", "loss", "accuracy", "held-out loss", "held-out accuracy", "seconds"]
    rows = [
        [
            epoch.epoch, f"{epoch.loss:.6f}", _percent(epoch.accuracy),
            "–" if epoch.held_out_loss is None else f"{epoch.held_out_loss:.6f}",
            _percent(epoch.held_out_accuracy), f"{epoch.seconds:.1f}",
        ]
        for epoch in chosen
    ]  # fmt: skip
    return table(f"{len(chosen)} of {len(epochs)} epochs", columns, rows, columns)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"
