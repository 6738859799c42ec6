"""The shape of a model's input: where a file writes it, and filling in what it leaves open."""

from __future__ import annotations

from dataclasses import replace

from converter.errors import KerasFileError
from converter.keras_file.graph import StoredLayer, StoredModel

Shape = tuple[int | None, ...]


def input_shape(stored: StoredLayer) -> Shape | None:
    """Return the shape, batch included, of the one input of a layer or model, if it says so."""
    if not isinstance(stored, StoredModel):
        shape = stored.arguments.get("batch_shape")
        return tuple(shape) if shape else None
    if stored.input_shape is not None:
        return stored.input_shape
    return input_shape(stored.layers[0]) if stored.layers else None


def with_fixed_input(model: StoredModel, wanted: tuple[int, ...] | None) -> StoredModel:
    """Return `model` with every dimension of its inputs known, apart from the batch.

    `wanted` (without the batch) fills the dimensions that the file leaves open.

    Raises:
        KerasFileError: dimensions are open and `wanted` is None, or contradicts those known.
    """
    if model.kind == "Sequential":
        return replace(model, input_shape=fixed(input_shape(model), wanted))
    layers = [
        replace(
            layer,
            arguments={**layer.arguments, "batch_shape": fixed(input_shape(layer), wanted)},
        )
        if layer.kind == "InputLayer"
        else layer
        for layer in model.layers
    ]
    return replace(model, layers=tuple(layers))


def fixed(stored: Shape | None, wanted: tuple[int, ...] | None) -> Shape:
    """Return the shape `stored`, batch included, with its open dimensions taken from `wanted`."""
    if stored is None:
        if wanted is None:
            raise KerasFileError(
                "does not say the shape of its input; give it: --input-shape 224,224,3"
            )
        return (None, *wanted)
    if None not in stored[1:] and wanted is None:
        return stored
    spelled = ",".join("?" if n is None else str(n) for n in stored[1:])
    if wanted is None:
        example = ",".join(str(n or 224) for n in stored[1:])
        raise KerasFileError(
            f"leaves dimensions of its input open ({spelled}); give them: --input-shape {example}"
        )
    fits = len(wanted) == len(stored) - 1 and all(
        known in (None, new) for known, new in zip(stored[1:], wanted, strict=True)
    )
    if not fits:
        raise KerasFileError(
            f"takes an input of shape {spelled}, which --input-shape "
            f"{','.join(map(str, wanted))} contradicts"
        )
    return (None, *wanted)
