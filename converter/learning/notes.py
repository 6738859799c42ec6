"""What a person must know about a conversion: what Core ML does otherwise, said aloud."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from converter.backend.keras import layers_inside
from converter.keras_file.compiled import CompileSettings
from converter.learning.head import KERAS_SQUARED_ERROR, Head
from converter.learning.settings import Training
from converter.lower.net import Net
from converter.recipe import Recipe
from converter.trace.program import KerasLayer

DROPOUTS = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout", "GaussianDropout")
REGULARIZERS = ("kernel_regularizer", "bias_regularizer", "activity_regularizer")
CONSTRAINTS = ("kernel_constraint", "bias_constraint")


def about(
    model: Any, chosen: Collection[KerasLayer], settings: CompileSettings | None, net: Net
) -> Iterator[str]:
    """Yield what training on the device leaves out or does differently from Keras."""
    layers = layers_inside(model)
    dropouts = [layer.name for layer in layers if type(layer).__name__ in DROPOUTS]
    if dropouts:
        yield f"the device trains without dropout ({_listed(dropouts)})"
    augmenting = [
        layer.name for layer in layers
        if type(layer).__name__.startswith(("Random", "GaussianNoise")) and not layer.weights
    ]  # fmt: skip
    if augmenting:
        yield f"the device trains without augmentation ({_listed(augmenting)})"
    yield from _penalties(layers, {layer.name.split("/")[-1] for layer in chosen})
    for name, weighted in net.weighted.items():
        if weighted.keras in chosen and weighted.folded:
            folded = ", ".join(str(layer) for layer in weighted.folded)
            yield (
                f"{folded} is folded into '{name}': predictions are the same, but training "
                "moves the folded weights, which is not what Keras's training does"
            )
        if weighted.keras in chosen and _is_unusual(weighted.params):
            yield f"'{name}' is a grouped or dilated convolution, not known to learn on any device"
    yield from _unspoken(settings)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _penalties(layers: Collection[Any], chosen: Collection[str]) -> Iterator[str]:
    for layer in layers:
        if layer.name in chosen:
            for what in (*REGULARIZERS, *CONSTRAINTS):
                if getattr(layer, what, None) is not None:
                    term = what.replace("_", " ")
                    yield f"Core ML has no {term}; '{layer.name}' learns without it"


def _is_unusual(params: Any) -> bool:
    return getattr(params, "nGroups", 0) > 1 or any(
        n > 1 for n in getattr(params, "dilationFactor", ())
    )


def _unspoken(settings: CompileSettings | None) -> Iterator[str]:
    if settings is None:
        return
    losses = [settings.loss_config, *(loss.config for loss in settings.output_losses.values())]
    if any(config.get("label_smoothing") for config in losses):
        yield "Core ML has no label smoothing; the device learns without it"
    for what in settings.others:
        yield f"Core ML has no {what.replace('_', ' ')}; the device learns without it"


def binary_head(
    plan: Training, end: Head, chosen: Collection[KerasLayer], recipe: Recipe
) -> tuple[Training, str]:
    """Return the training of a single unit made into two classes, and what to say about it.

    The difference of the two logits moves twice as fast as the one it replaces. Halving the rate
    undoes that exactly if nothing else learns; an explicit rate is kept as it is.
    """
    what = end.note
    if list(chosen) == [end.binary] and recipe.learning_rate is None:
        return plan.with_halved_rate(), (
            f"{what}; half the learning rate makes its training exactly Keras's"
        )
    if end.binary not in chosen:
        return plan, what
    return plan, f"{what}; its step is doubled, half the learning rate would undo that"


def about_loss(end: Head, net: Net, labels: bool) -> Iterator[str]:
    """Yield what to know about the loss on the device."""
    if end.note and end.binary is None:
        yield end.note
    if end.loss != KERAS_SQUARED_ERROR:
        return
    layers = reversed(net.builder.nn_spec.layers)
    last = next(layer for layer in layers if end.blob.name in layer.output)
    if last.WhichOneof("layer") != "activation":
        yield (
            "a mean squared error straight on a linear layer trains in some apps and fails to "
            "compile in others (coremltools issue 1983): test it on a device"
        )
    if labels:
        yield "class labels on a model trained with mean squared error are for prediction only"
