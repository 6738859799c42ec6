"""How large a model is, and how much of it learns: in all, and layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from converter.coreml.contents import CoreMLModel, Parameters
from converter.coreml.figures import size_text
from converter.page.document import Section
from converter.page.parts import (
    STYLE,
    bar,
    facts,
    folded,
    joined,
    paragraphs,
    shape_cell,
    table,
)

if TYPE_CHECKING:
    from converter.conversion.inspection import KerasModel

MOST_BARS = 15
"""Layers that are seen at once, the largest first; the others are folded away."""


@dataclass(frozen=True)
class Part:
    """The weights of a layer: how many, what they take in the file (None if that is unknown)."""

    name: str
    kind: str
    shape: tuple[int | None, ...] | None
    weights: int
    learns: bool
    size: int | None = None


def of_core_ml(model: CoreMLModel) -> list[Part]:
    """Return the layers with weights of a Core ML model, of a pipeline those of all its models."""
    return [
        Part(layer.name, layer.kind, layer.shape, layer.weights, layer.updatable, layer.bytes)
        for layer in model.as_one.layers
        if layer.weights
    ]


def of_keras(model: KerasModel) -> list[Part]:
    """Return the layers with weights of a Keras model; those learn that would if nothing is said.

    A weight that layers share counts for each of them.
    """
    return [
        Part(row.name, row.kind, row.output, row.weights, row.name in model.chosen)
        for row in model.layers
        if row.weights
    ]


def totals(parameters: Parameters, parts: Sequence[Part], size: int | None = None) -> Section:
    """Return the section; `size` is that of the file in bytes."""
    count = parameters.total
    told = [
        ("parameters", f"{count:,}"),
        ("learning", f"{parameters.learning:,}{_share(parameters.learning, count)}"),
        ("frozen", f"{parameters.frozen:,}{_share(parameters.frozen, count)}"),
    ]
    if size is not None:
        told.append(("file", f"{size_text(size)} ({size:,} bytes)"))
    body = [facts(told), *_by_layer(parts)]
    return Section("Size", joined(body), STYLE)


def _share(part: int, whole: int) -> str:
    return f" ({100 * part / whole:.1f} %)" if whole else ""


def _by_layer(parts: Sequence[Part]) -> Iterator[Markup]:
    if not parts:
        yield paragraphs(["No layer has weights."])
        return
    count = sum(part.weights for part in parts)
    ordered = sorted(parts, key=lambda part: -part.weights)
    yield _table("Parameters by layer, the largest first", ordered[:MOST_BARS], ordered[0], count)
    if rest := ordered[MOST_BARS:]:
        more = _table("The smaller layers", rest, ordered[0], count)
        yield folded(f"{len(rest)} smaller layers", more)


def _table(caption: str, parts: Sequence[Part], largest: Part, count: int) -> Markup:
    columns = ["layer", "beside the largest", "state", "parameters", "of all", "kind", "output"]
    rows: list[list[object]] = [
        [
            part.name, bar(part.weights / largest.weights, is_strong=part.learns),
            "learns" if part.learns else "frozen",
            f"{part.weights:,}", f"{100 * part.weights / count:.1f} %",
            part.kind, shape_cell(part.shape),
        ]
        for part in parts
    ]  # fmt: skip
    if parts[0].size is not None:
        columns.insert(5, "bytes")
        for row, part in zip(rows, parts, strict=True):
            row.insert(5, f"{part.size:,}")
    return table(caption, columns, rows, {"parameters", "of all", "bytes"})
