"""Which Keras layer an operation or a variable of a traced model belongs to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from converter.backend.keras import calls_scoped, own_variables, parts
from converter.keras_file.names import own_name
from converter.trace.program import KerasLayer


class LayerTable:
    """The layers of one model, by operation and by variable."""

    def __init__(self, model: Any) -> None:
        paths = dict(_paths(model))
        counts = Counter(own_name(layer.name) for _, layer in paths.values())
        self._layers = {
            key: keras_layer(layer, path if counts[own_name(layer.name)] > 1 else None)
            for key, (path, layer) in paths.items()
        }
        # Inner layers come later and win over the models and wrappers around them.
        self._owners = {
            id(v): self._layers[key]
            for key, (_, layer) in paths.items()
            for v in getattr(layer, "variables", ())  # operations of keras.ops have none
        }
        self._tagged: list[Any] = []
        self._model = keras_layer(model)

    def all(self) -> tuple[KerasLayer, ...]:
        """Return every layer of the model, those of nested models after these."""
        return tuple(dict.fromkeys(self._layers.values()))

    def known(self, layer: Any) -> KerasLayer | None:
        """Return the live `layer` of the model, None if it is none of it."""
        return self._layers.get(id(layer))

    def owner(self, variable: Any) -> KerasLayer:
        """Return the innermost layer that `variable` belongs to."""
        return self._owners.get(id(variable), self._model)

    def tagging(self) -> AbstractContextManager[None]:
        """Give every TensorFlow operation a name scope that tells the Keras layer it comes from."""
        return calls_scoped(self._tag)

    def _tag(self, layer: Any) -> str:
        self._tagged.append(layer)
        return f"keras_layer_{len(self._tagged) - 1}"

    def of(self, operation_name: str) -> KerasLayer | None:
        """Return the layer whose tag stands innermost in a TensorFlow operation's name."""
        for tag in reversed(re.findall(r"keras_layer_(\d+)", operation_name)):
            # Operations that layers call inside themselves are not part of the model's graph.
            if found := self._layers.get(id(self._tagged[int(tag)])):
                return found
        return None


def _paths(model: Any, prefix: str = "") -> Iterator[tuple[int, tuple[str, Any]]]:
    """Yield ``id, (path, layer)`` of all layers and operations inside `model`, outer ones first."""
    for layer in parts(model):
        path = f"{prefix}{own_name(layer.name)}"
        yield id(layer), (path, layer)
        yield from _paths(layer, f"{path}/")


def keras_layer(layer: Any, path: str | None = None) -> KerasLayer:
    """Return what the rest of the conversion needs to know of the live Keras `layer`.

    It is called by its own name, or by `path` where others of the model have the same name.
    LoRA's matrices are no kernels, but arithmetic on one: ``kernel + scale * a @ b``.
    """
    kernels = tuple(
        v.name for v in own_variables(layer) if len(v.shape) > 1 and not v.name.startswith("lora_")
    )
    return KerasLayer(path or own_name(layer.name), type(layer).__name__, kernels)
