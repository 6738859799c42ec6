"""Which Keras layer an operation or a variable of a traced model belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from converter.backend.tensorflow import keras, tf
from converter.trace.program import KerasLayer


class LayerTable:
    """The layers of one model, by operation and by variable."""

    def __init__(self, model: Any) -> None:
        paths = dict(_paths(model))
        counts: dict[str, int] = {}
        for _, layer in paths.values():
            counts[layer.name] = counts.get(layer.name, 0) + 1
        self._layers = {
            key: keras_layer(layer, layer.name if counts[layer.name] == 1 else path)
            for key, (path, layer) in paths.items()
        }
        # Inner layers come later and win over the models and wrappers around them.
        self._owners = {
            id(v): self._layers[key]
            for key, (_, layer) in paths.items()
            for v in getattr(layer, "variables", ())  # operations of keras.ops have none
        }
        self._tagged: list[Any] = []
        self._model = keras_layer(model, model.name)

    def owner(self, variable: Any) -> KerasLayer:
        """Return the innermost layer that `variable` belongs to."""
        return self._owners.get(id(variable), self._model)

    @contextmanager
    def tagging(self) -> Iterator[None]:
        """Give every TensorFlow operation a name scope that tells the Keras layer it comes from.

        Keras's own scopes are no guide: they are made unique by suffixes that look like names
        of other layers.
        """
        original = keras.Operation.__call__
        table = self

        def tagged(self: Any, *args: Any, **kwargs: Any) -> Any:
            table._tagged.append(self)
            with tf.name_scope(f"keras_layer_{len(table._tagged) - 1}"):
                return original(self, *args, **kwargs)

        keras.Operation.__call__ = tagged
        try:
            yield
        finally:
            keras.Operation.__call__ = original

    def of(self, operation_name: str) -> KerasLayer | None:
        """Return the layer whose tag stands innermost in a TensorFlow operation's name."""
        for tag in reversed(re.findall(r"keras_layer_(\d+)", operation_name)):
            # Operations that layers call inside themselves are not part of the model's graph.
            if found := self._layers.get(id(self._tagged[int(tag)])):
                return found
        return None


def _paths(model: Any, prefix: str = "") -> Iterator[tuple[int, tuple[str, Any]]]:
    """Yield ``id, (path, layer)`` of all layers and operations inside `model`, outer ones first."""
    inner = getattr(model, "_operations", None) or getattr(model, "_layers", [])
    for layer in inner:
        path = f"{prefix}{layer.name}"
        yield id(layer), (path, layer)
        yield from _paths(layer, f"{path}/")


def keras_layer(layer: Any, name: str) -> KerasLayer:
    """Return what the rest of the conversion needs to know of the live Keras `layer`."""
    variables = getattr(layer, "_trainable_variables", []) + getattr(
        layer, "_non_trainable_variables", []
    )
    kernels = tuple(v.name for v in variables if len(v.shape) > 1)
    return KerasLayer(name, type(layer).__name__, kernels)
