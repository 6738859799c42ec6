"""How the layers of a Keras model are connected, by the names that `inspect` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converter.backend.graphs import maker, sources
from converter.keras_file.names import own_name


def read_by(model: Any, names: Mapping[int, str]) -> dict[int, tuple[str, ...]]:
    """Return for each layer in `names` (``id`` -> name) the names of those that it reads.

    What has no name there, such as a function between two layers, stands for what it reads itself,
    an input that is no layer for the input of the model.
    """
    found = sources(model)
    standing: dict[int, tuple[str, ...]] = {
        id(maker(tensor)): (own_name(tensor.name),) for tensor in model.inputs
    }
    standing.update((layer, (name,)) for layer, name in names.items())
    return {layer: _named(found.get(layer, ()), found, standing) for layer in names}


def _named(
    read: Sequence[Any], found: Mapping[int, list[Any]], standing: dict[int, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the names for which `read` stand; a long chain of functions must not recurse."""
    todo = list(read)
    while todo:
        layer = todo[-1]
        if id(layer) in standing:
            todo.pop()
            standing[id(layer)] = standing[id(layer)] or _together(found[id(layer)], standing)
        elif id(layer) in found:
            standing[id(layer)] = ()  # comes by again when all that it reads is known
            todo += [each for each in found[id(layer)] if id(each) not in standing]
        else:
            standing[id(layer)] = (own_name(layer.name),)
    return _together(read, standing)


def _together(layers: Sequence[Any], standing: Mapping[int, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for layer in layers for name in standing[id(layer)]))
