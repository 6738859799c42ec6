"""The pictures of an answer: gain by samples, over the users, and over rate and epochs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from converter.coreml.mlmodel import Floats
from converter.drawing import Axes, Figure, check_matplotlib, figure, write
from converter.studies.answer import Answer
from converter.studies.words import setting

WIDTH, HEIGHT = 15, 4.5
"""Inches."""

LINES = "solid", "dashed", "dashdot", "dotted"
"""Lines that differ without colour, too."""


def write_plot(answer: Answer, target: Path) -> None:
    """Draw the answer to `target`, by its ending as SVG or PNG.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    check_matplotlib("--plot")

    def draw(drawn: Figure) -> None:
        curve, users, rates = drawn.subplots(1, 3)
        draw_gain(curve, answer)
        draw_users(users, answer)
        _map(drawn, rates, answer)

    write(figure((WIDTH, HEIGHT), draw), target)


def draw_gain(axes: Axes, answer: Answer) -> None:
    """Draw the gain of the best setting by number of samples: the median, and 10 to 90 %."""
    rows = answer.curve
    x = [row.samples for row in rows]
    low, middle, high = ([row.gain[p].mean for row in rows] for p in (10, 50, 90))
    axes.fill_between(x, low, high, alpha=0.2, label="10 to 90 % of users")
    half = [row.gain[50].half or 0.0 for row in rows]
    axes.errorbar(x, middle, half, marker="o", capsize=3, label="median, 95 % over seeds")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(title=setting(answer.best), xlabel="samples of a user", ylabel="gain", xscale="log")
    axes.set_xticks(x, [str(value) for value in x])
    axes.minorticks_off()
    axes.legend()


def draw_users(axes: Axes, answer: Answer) -> None:
    """Draw which share of users gains how much at most."""
    for number, row in enumerate(answer.curve):
        gains = np.sort(answer.gains_of(row))
        axes.step(gains, np.arange(1, len(gains) + 1) / len(gains), where="post",
                  linestyle=LINES[number % len(LINES)], label=f"{row.samples} samples")  # fmt: skip
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(title="over the users", xlabel="gain", ylabel="share of users with less")
    axes.legend()


def _map(drawn: Figure, axes: Axes, answer: Answer) -> None:
    """Draw the median gain over rate and epochs, all else as in the best setting."""
    rates, epochs, found = median_gains(answer)
    picture = axes.imshow(found, origin="lower", aspect="auto")
    for (y, x), value in np.ndenumerate(found):
        axes.text(x, y, f"{value:.3f}", ha="center", va="center", color="white")
    axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
    axes.set_yticks(range(len(epochs)), [str(count) for count in epochs])
    axes.set(
        title=f"median gain, {answer.samples} samples", xlabel="learning rate", ylabel="epochs"
    )
    drawn.colorbar(picture, ax=axes)


def median_gains(answer: Answer) -> tuple[list[float], list[int], Floats]:
    """Return rates, numbers of epochs, and the median gain of each pair, ``[epochs, rates]``.

    All else is as in the best setting; a pair that was not tried is NaN.
    """
    best = answer.best.trial
    rows = [
        row for row in answer.ranked
        if (row.trial.model, row.trial.momentum, row.trial.batch_size)
        == (best.model, best.momentum, best.batch_size)
    ]  # fmt: skip
    rates = sorted({row.trial.learning_rate for row in rows})
    epochs = sorted({row.trial.epochs for row in rows})
    found = np.full((len(epochs), len(rates)), np.nan)
    for row in rows:
        found[epochs.index(row.trial.epochs), rates.index(row.trial.learning_rate)] = row.median
    return rates, epochs, found
