"""Inputs that are no quantities but indices into a table, and how many rows the table has."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from converter.coreml.mlmodel import Message, layer_params

TABLES = {"embedding": "inputDim", "embeddingND": "vocabSize"}
"""Layer kind that looks rows up -> the parameter that says how many there are."""

MOVES = frozenset(
    ["concat", "flatten", "flattenTo2D", "permute", "reshape", "reshapeStatic", "expandDims",
     "slice", "split", "squeeze", "transpose"]
)  # fmt: skip
"""Layer kinds that move values without changing them."""


def index_counts(net: Message) -> dict[str, int]:
    """Return which blobs of a network hold indices: see `index_counts_of`."""
    return index_counts_of([(layer, layer.input, layer.output) for layer in net.layers])


def index_counts_of(
    layers: Sequence[tuple[Message, Collection[str], Collection[str]]],
) -> dict[str, int]:
    """Return which blobs hold indices, and from how many numbers, counted from 0, they may be.

    `layers` come with the blobs that they read and make. Of a blob that several tables read, the
    smallest number.
    """
    counts: dict[str, int] = {}
    for layer, read_blobs, made in reversed(layers):
        kind = layer.WhichOneof("layer")
        if kind in TABLES:
            found = int(getattr(layer_params(layer), TABLES[kind]))
        elif kind in MOVES and (read := [counts[o] for o in made if o in counts]):
            found = min(read)
        else:
            continue
        for name in read_blobs:
            counts[name] = min(found, counts.get(name, found))
    return counts
