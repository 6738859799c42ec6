"""The samples that a page looks at, and what it tells of the answers to them."""

from __future__ import annotations

import numpy as np

from converter.coreml.mlmodel import Message
from converter.data.reading import Dataset, Part
from converter.page.confusion import confusion
from converter.page.document import Section
from converter.page.parts import STYLE, facts
from converter.page.samples import samples
from converter.page.training import score_text, training
from converter.runtime import Answers, History, Labelled, Score, answers

MOST_SAMPLES = 10_000
"""Samples that are asked about; of more, these are evenly spread."""


def looked_at(data: Dataset) -> Labelled:
    """Return what a page shows of `data`: held-out samples, or those to learn from without any."""
    return some_of(data.test or data.train)


def some_of(data: Labelled) -> Labelled:
    """Return at most `MOST_SAMPLES` of `data`."""
    total = len(data.samples)
    if total <= MOST_SAMPLES:
        return data
    chosen = np.linspace(0, total - 1, MOST_SAMPLES).astype(np.int64)
    return Labelled(Part(data.samples, chosen), np.asarray(data.y)[chosen])


def after_training(
    model: Message, data: Dataset, history: History, before: Answers | None
) -> list[Section]:
    """Return the sections on a training of `model`, `before` which it gave other answers."""
    found = [training(history, len(data.train.samples))]
    shown = looked_at(data)
    after = answers(model, shown)
    if after is not None:
        what = "held-out samples" if data.test else "samples that it has learnt from"
        found.append(confusion(after, f"{_count(shown, data.test or data.train)} {what}"))
        found += samples(model, shown.samples, after, before)
    return found


def after_evaluation(
    model: Message, data: Labelled, score: Score, batch_size: int
) -> list[Section]:
    """Return the sections on the `score` of `model` and on its answers to `data`."""
    told = [("samples", f"{len(data.samples):,}"), ("score", score_text(score))]
    section = Section("How well it answers", facts(told), STYLE)
    shown = some_of(data)
    found = answers(model, shown, batch_size)
    if found is None:
        return [section]
    count = _count(shown, data)
    return [section, confusion(found, f"{count} samples"), *samples(model, shown.samples, found)]


def _count(shown: Labelled, data: Labelled) -> str:
    some, total = len(shown.samples), len(data.samples)
    return f"{total:,}" if some == total else f"{some:,} of {total:,}"
