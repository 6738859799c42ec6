"""Python code inside a Keras file: Lambda layers and marshalled functions, found but never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from converter.errors import KerasFileError
from converter.keras_file.calls import Tensor
from converter.keras_file.graph import StoredLayer, StoredModel

PREPARING = (
    "CenterCrop", "Cropping1D", "Cropping2D", "GaussianNoise", "InputLayer", "Permute", "Rescaling",
    "Reshape", "Resizing", "ZeroPadding1D", "ZeroPadding2D",
)  # fmt: skip
"""Layers that only prepare the input; a Lambda behind them may still be its usual scaling."""


def refuse(model: StoredModel) -> None:
    """Raise an error that names the first layer with code, if there is one.

    Raises:
        KerasFileError: a layer carries code; the only Lambda on the input gets advice for scaling.
    """
    scaling = scaling_lambda(model)
    for layer in layers_of(model):
        if layer is scaling:
            raise KerasFileError(
                f"layer {layer.name!r} is a Lambda: Python code in the file, which is not run; if "
                "it only scales the input, say how with --scale and --bias (x / 127.5 - 1 is "
                "--scale 0.00784313725 --bias -1); if you trust the file, pass --allow-unsafe"
            )
        if layer.kind == "Lambda" or _has_code(layer.arguments):
            raise KerasFileError(
                f"layer {layer.name!r} ({layer.stored_class}) holds Python code, which is not run; "
                "if you trust the file, pass --allow-unsafe"
            )


def with_scaling(model: StoredModel, scale: Any, bias: Any) -> StoredModel:
    """Return `model` with the Lambda on its input replaced by ``Rescaling(scale, bias)``.

    `scale` and `bias` are numbers, or one number a channel. Without such a Lambda, `model` itself.
    """
    old = scaling_lambda(model)
    if old is None:
        return model
    arguments = {"name": old.name, "scale": scale, "offset": bias}
    new = replace(old, kind="Rescaling", arguments=arguments)
    return replace(model, layers=tuple(new if layer is old else layer for layer in model.layers))


def scaling_lambda(model: StoredModel) -> StoredLayer | None:
    """Return the Lambda of `model` that may be its normalization: the only one on its input."""
    found = [layer for layer in model.layers if layer.kind == "Lambda" and _on_input(layer, model)]
    return found[0] if len(found) == 1 else None


def layers_of(model: StoredModel) -> Iterator[StoredLayer]:
    """Yield the layers of `model` and of its nested models."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, StoredModel):
            yield from layers_of(layer)


def _on_input(layer: StoredLayer, model: StoredModel) -> bool:
    """Tell whether only layers that prepare the input come before `layer` of `model`."""
    if model.kind == "Sequential":
        before = model.layers[: model.layers.index(layer)]
        return all(other.kind in PREPARING for other in before)
    by_name = {other.name: other for other in model.layers}
    sources = [call.args[0] for call in layer.calls]
    while len(sources) == 1 and isinstance(sources[0], Tensor):
        source = by_name[sources[0].layer]
        if source.kind == "InputLayer":
            return True
        sources = [call.args[0] for call in source.calls] if source.kind in PREPARING else []
    return False


def _has_code(value: Any) -> bool:
    if isinstance(value, StoredLayer):
        return value.kind == "Lambda" or _has_code(value.arguments)
    if isinstance(value, Mapping):
        return value.get("class_name") == "__lambda__" or any(map(_has_code, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_has_code, value))
