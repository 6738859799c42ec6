"""Loss and accuracy over the epochs of a training, as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from converter.drawing import Axes, Figure, figure
from converter.runtime import History, Score

Curve: TypeAlias = "Sequence[float | None]"
"""A value before training and after each epoch, None where there is none."""

LOOKS = {
    "training": {"color": "#2f7fc2", "linestyle": "solid", "marker": "o"},
    "held out": {"color": "#d9631e", "linestyle": "dashed", "marker": "s"},
}
"""Lines that differ without colour, too, in colours that are seen on white and on black."""

MOST_MARKS = 30
"""Epochs that have a mark each."""

PANEL = 5.2, 3.4
"""Inches."""


def panels(history: History) -> dict[str, Mapping[str, Curve]]:
    """Return what there is to draw: diagram -> curve -> values, none of it empty."""
    epochs, before = history.epochs, history.before or Score(None, None)
    found: dict[str, Mapping[str, Curve]] = {
        "loss": {
            "training": [None, *(epoch.loss for epoch in epochs)],
            "held out": [before.loss, *(epoch.held_out_loss for epoch in epochs)],
        },
        "accuracy": {
            "training": [None, *(epoch.accuracy for epoch in epochs)],
            "held out": [before.accuracy, *(epoch.held_out_accuracy for epoch in epochs)],
        },
    }  # fmt: skip
    return {title: left for title, curves in found.items() if (left := _without_empty(curves))}


def _without_empty(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    return {
        name: curve for name, curve in curves.items() if any(value is not None for value in curve)
    }


def single(title: str, curves: Mapping[str, Curve]) -> Figure:
    """Return one diagram by itself."""
    return figure(PANEL, lambda drawn: draw(drawn.subplots(), title, curves))


def side_by_side(history: History) -> Figure:
    """Return all diagrams of a training in one figure."""
    found = panels(history)

    def both(drawn: Figure) -> None:
        axes = drawn.subplots(1, len(found), squeeze=False)[0]
        for each, (title, curves) in zip(axes, found.items(), strict=True):
            draw(each, title, curves)

    return figure((12.8, 5.2), both)


def draw(axes: Axes, title: str, curves: Mapping[str, Curve]) -> None:
    """Draw the curves over the epochs, of which 0 is before training."""
    for name, curve in curves.items():
        points = [(epoch, value) for epoch, value in enumerate(curve) if value is not None]
        every = max(1, len(points) // MOST_MARKS)
        axes.plot(*zip(*points, strict=True), label=name, markevery=every, **LOOKS[name])
    axes.set(xlabel="epoch", ylabel=title)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(color="black", alpha=0.15)
    axes.legend()
