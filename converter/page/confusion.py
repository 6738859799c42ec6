"""Which classes a model takes for which others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup

from converter.page.document import Section
from converter.page.parts import STYLE, folded, joined, paragraphs, table
from converter.page.rendering import render
from converter.runtime import Answers

MOST_COLUMNS = 20
"""Classes of which all are seen against all; of more, a screen shows nothing."""

LONGEST_HEAD = 12
"""Characters of a name that heads a column."""

MOST_PAIRS = 20
MOST_CLASSES = 200
"""Rows of the tables, the worst first."""

SHADES = 5
"""Steps from no sample of a class to all of them."""


def confusion(answers: Answers, told: str) -> Section:
    """Return the section; `told` says of which samples, such as "200 held-out samples"."""
    right, total = int(answers.right.sum()), len(answers.true)
    sentence = f"Of {told}, {right:,} are right ({100 * right / total:.2f} %)."
    body = [paragraphs([sentence]), *_tables(answers)]
    return Section("Confusion matrix", joined(body), STYLE)


def _tables(answers: Answers) -> Iterator[Markup]:
    if len(answers.classes) <= MOST_COLUMNS:
        yield _all_against_all(answers)
    if pairs := list(worst_pairs(answers)):
        columns = ["true class", "predicted", "samples", "of the true class"]
        yield table("Mistakes, the most frequent first", columns, pairs, columns[2:])
    yield folded("Each class by itself, the worst first", _classes(answers))


def _all_against_all(answers: Answers) -> Markup:
    """Return the whole matrix; the share of its row shades a cell."""
    size = len(answers.classes)
    places = answers.true * size + answers.predicted
    counts = np.bincount(places, minlength=size * size).reshape(size, size)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shades = np.ceil(share * SHADES).astype(int)
    heads, names = _heads(answers.classes)
    rows = [
        (name, list(zip(line.tolist(), tint.tolist(), strict=True)))
        for name, line, tint in zip(names, counts, shades, strict=True)
    ]
    return render("confusion.html.j2", heads=heads, rows=rows)


def _heads(classes: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the heads of columns and rows; long names are numbers above the columns."""
    if max(map(len, classes)) <= LONGEST_HEAD:
        return classes, classes
    numbers = range(1, len(classes) + 1)
    return list(map(str, numbers)), [
        f"{n}: {name}" for n, name in zip(numbers, classes, strict=True)
    ]


def worst_pairs(answers: Answers) -> Iterator[tuple[str, str, str, str]]:
    """Yield the most frequent mistakes: true class, predicted class, how often, which share."""
    wrong = ~answers.right
    both = np.stack([answers.true[wrong], answers.predicted[wrong]])
    found, counts = np.unique(both, axis=1, return_counts=True)
    totals = np.bincount(answers.true)
    for number in np.argsort(-counts, kind="stable")[:MOST_PAIRS]:
        true, predicted = found[:, number].tolist()
        share = f"{100 * counts[number] / totals[true]:.1f} %"
        yield answers.classes[true], answers.classes[predicted], f"{counts[number]:,}", share


def _classes(answers: Answers) -> Markup:
    """Return how many of each class were right; classes without samples tell nothing."""
    totals = np.bincount(answers.true)
    right = np.bincount(answers.true[answers.right], minlength=len(totals))
    there = sorted(np.flatnonzero(totals).tolist(), key=lambda place: right[place] / totals[place])
    columns = ["class", "samples", "right", "share"]
    rows = [
        (
            answers.classes[n], f"{totals[n]:,}", f"{right[n]:,}",
            f"{100 * right[n] / totals[n]:.1f} %",
        )
        for n in there[:MOST_CLASSES]
    ]  # fmt: skip
    caption = f"Right answers by true class ({len(rows)} of {len(there)} classes)"
    return table(caption, columns, rows, columns[1:])
