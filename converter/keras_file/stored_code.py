"""Python code inside a Keras file: Lambda layers and marshalled functions, found but never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from converter.errors import KerasFileError
from converter.keras_file.calls import Tensor
from converter.keras_file.graph import StoredLayer, StoredModel


def refuse(model: StoredModel) -> None:
    """Raise an error that names the first layer with code, if there is one.

    Raises:
        KerasFileError: a layer carries code; a Lambda on the input gets the advice for scaling.
    """
    for layer in layers_of(model):
        if layer.kind == "Lambda" and _reads_input(layer, model):
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
    return replace(
        model,
        layers=tuple(
            replace(
                layer,
                kind="Rescaling",
                arguments={"name": layer.name, "scale": scale, "offset": bias},
            )
            if layer.kind == "Lambda" and _reads_input(layer, model)
            else layer
            for layer in model.layers
        ),
    )


def layers_of(model: StoredModel) -> Iterator[StoredLayer]:
    """Yield the layers of `model` and of its nested models."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, StoredModel):
            yield from layers_of(layer)


def _reads_input(layer: StoredLayer, model: StoredModel) -> bool:
    """Tell whether `layer` of `model` takes its input, and nothing else."""
    if model.kind == "Sequential":
        first = next((other for other in model.layers if other.kind != "InputLayer"), None)
        return layer is first
    inputs = {other.name for other in model.layers if other.kind == "InputLayer"}
    return bool(layer.calls) and all(
        isinstance(call.args[0], Tensor) and call.args[0].layer in inputs for call in layer.calls
    )


def _has_code(value: Any) -> bool:
    if isinstance(value, StoredLayer):
        return value.kind == "Lambda" or _has_code(value.arguments)
    if isinstance(value, Mapping):
        return value.get("class_name") == "__lambda__" or any(map(_has_code, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_has_code, value))
