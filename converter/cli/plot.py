"""Drawing the curves of a training, with Pillow alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from converter.errors import MissingDependencyError, install
from converter.files import replacing
from converter.runtime import History

SIZE = 1280, 520
MARGIN = 70
SMOOTH = 2
"""Drawn this many times as large and then reduced, so that slanting lines are smooth."""

INK, PALE = "#202020", "#d8d8d8"
COLOURS = {"training": "#1f77b4", "held out": "#d95f02"}

Curve = Sequence[float | None]


def check_pillow() -> Any:
    """Return Pillow's drawing modules.

    Raises:
        MissingDependencyError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingDependencyError(f"--plot needs Pillow; {install('keras')}") from error
    return Image, ImageDraw, ImageFont


def write_plot(history: History, target: Path) -> None:
    """Draw loss and accuracy over the epochs to the PNG file `target`.

    Raises:
        OutputError: the file cannot be written.
    """
    images, drawing, _ = check_pillow()
    width, height = (SMOOTH * n for n in SIZE)
    image = images.new("RGB", (width, height), "white")
    pen = drawing.Draw(image)
    epochs, before = history.epochs, history.before
    losses = {
        "training": [None, *(e.loss for e in epochs)],
        "held out": [before.loss if before else None, *(e.held_out_loss for e in epochs)],
    }
    accuracies = {
        "training": [None, *(e.accuracy for e in epochs)],
        "held out": [before.accuracy if before else None, *(e.held_out_accuracy for e in epochs)],
    }
    has_accuracy = any(value is not None for value in accuracies["training"])
    panels = [("loss", losses)] + ([("accuracy", accuracies)] if has_accuracy else [])
    for i, (title, curves) in enumerate(panels):
        _panel(pen, i * width // len(panels), width // len(panels), height, title, curves)
    with replacing(target) as temporary:
        image.resize(SIZE, images.Resampling.LANCZOS).save(temporary, "PNG")


def _panel(
    pen: Any, left: int, width: int, height: int, title: str, curves: Mapping[str, Curve]
) -> None:
    """Draw one diagram; the horizontal axis counts epochs, from 0 (before training)."""
    _, _, fonts = check_pillow()
    font = fonts.load_default(15 * SMOOTH)
    margin = MARGIN * SMOOTH
    x0, x1, y0, y1 = left + margin, left + width - margin // 2, height - margin, margin
    found = [value for curve in curves.values() for value in curve if value is not None]
    low, high = min(found), max(found)
    span = (high - low) or 1.0
    last = max(1, max(map(len, curves.values())) - 1)

    def at(epoch: int, value: float) -> tuple[float, float]:
        return x0 + (x1 - x0) * epoch / last, y0 - (y0 - y1) * (value - low) / span

    for step in range(5):
        value = low + span * step / 4
        y = at(0, value)[1]
        pen.line([(x0, y), (x1, y)], fill=PALE, width=SMOOTH)
        pen.text((x0 - 8 * SMOOTH, y), f"{value:.3g}", INK, font, anchor="rm")
    for epoch in range(0, last + 1, max(1, last // 10)):
        pen.text((at(epoch, low)[0], y0 + 8 * SMOOTH), str(epoch), INK, font, anchor="ma")
    pen.text(((x0 + x1) / 2, y1 - 40 * SMOOTH), title, INK, font, anchor="ma")
    for row, (name, curve) in enumerate(curves.items()):
        points = [at(epoch, value) for epoch, value in enumerate(curve) if value is not None]
        if points:
            pen.line(points, fill=COLOURS[name], width=3 * SMOOTH, joint="curve")
            pen.text((x0 + row * 120 * SMOOTH, y1 - 18 * SMOOTH), name, COLOURS[name], font, "la")
