"""What a person must know about a conversion: what Core ML does otherwise, said aloud."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from converter.backend.keras import layers_inside
from converter.keras_file.compiled import CompileSettings
from converter.keras_file.names import own_name
from converter.learning import unspoken
from converter.learning.choice import Candidate
from converter.learning.head import KERAS_SQUARED_ERROR, Head
from converter.learning.settings import Training
from converter.lower.net import Net
from converter.recipe import Recipe
from converter.trace.program import KerasLayer

RATES = ("rate", "dropout", "recurrent_dropout", "stddev", "drop_path_rate")
"""Attributes of layers that say how much is dropped, or how much noise is added, in training."""

DROPPING = ("Dropout", "StochasticDepth", "GaussianNoise")
"""Ends of the names of classes, a layer's own or its bases', that do so by such an attribute."""

AUGMENTING = ("Random", "AugMix", "CutMix", "MixUp", "RandAugment")
"""Beginnings of the names of classes that change pictures while Keras trains."""

MOST_BARRED = 3
"""Layers that stay frozen of which each is told."""

PENALTIES = ("regularizer", "constraint")
"""What the attributes of layers that penalise or constrain end in."""


def about(
    model: Any,
    chosen: Collection[KerasLayer],
    settings: CompileSettings | None,
    net: Net,
    output: str,
    loss: str,
) -> Iterator[str]:
    """Yield what training on the device leaves out or does differently from Keras.

    `output` is the name of the output that is trained, `loss` what is minimised there.
    """
    layers = layers_inside(model)
    yield from _only_in_training(layers)
    yield from _penalties(layers, [layer.name for layer in chosen])
    for name, weighted in net.weighted.items():
        if weighted.keras in chosen and weighted.folded:
            folded = ", ".join(str(layer) for layer in weighted.folded)
            yield (
                f"{folded} is folded into '{name}': predictions are the same, but training "
                "moves the folded weights, which is not what Keras's training does"
            )
        if weighted.keras in chosen and _is_unusual(weighted.params):
            yield f"'{name}' is a grouped or dilated convolution, not known to learn on any device"
    if settings is not None:
        yield from unspoken.of_loss(settings, output, loss)
        yield from unspoken.of_compile(settings, output)


def about_barred(barred: Sequence[Candidate]) -> Iterator[str]:
    """Yield why layers stay frozen that would learn if they could."""
    for candidate in barred[:MOST_BARRED]:
        yield f"{candidate.layer} stays frozen: it {candidate.reason}"
    if more := barred[MOST_BARRED:]:
        yield f"{len(more)} more dense layers stay frozen; 'make-updatable inspect' tells why"


def _only_in_training(layers: Collection[Any]) -> Iterator[str]:
    """Yield what layers do only while Keras trains: dropout, noise, augmentation."""
    dropping = [layer for layer in layers if _drops(layer)]
    if dropping:
        noisy = any(type(layer).__name__ == "GaussianNoise" for layer in dropping)
        what = "dropout and noise" if noisy else "dropout"
        yield f"the device trains without {what} ({_names(dropping)})"
    augmenting = [
        layer for layer in layers
        if type(layer).__name__.startswith(AUGMENTING) and not layer.weights
    ]  # fmt: skip
    if augmenting:
        yield f"the device trains without augmentation ({_names(augmenting)})"
    renewing = [
        layer for layer in layers
        if type(layer).__name__ == "BatchNormalization" and layer.trainable
    ]  # fmt: skip
    if renewing:
        yield (
            f"the device keeps the statistics of batch normalization ({_names(renewing)}), which "
            "Keras renews while it trains"
        )


def _drops(layer: Any) -> bool:
    """Tell whether `layer` drops anything, or adds noise, at random while it trains."""
    values = [getattr(layer, name, 0) for name in RATES]
    bases = [base.__name__ for base in type(layer).__mro__]
    able = hasattr(layer, "dropout") or any(name.endswith(DROPPING) for name in bases)
    return able and any(isinstance(value, (int, float)) and value > 0 for value in values)


def _names(layers: Sequence[Any]) -> str:
    shown = ", ".join(own_name(layer.name) for layer in layers[:3])
    return f"{shown} and {len(layers) - 3} more" if len(layers) > 3 else shown


def _penalties(layers: Collection[Any], chosen: Collection[str]) -> Iterator[str]:
    """Yield penalties and constraints: on weights of layers that learn, on any activations.

    `chosen` are names of layers, or their paths where others have the same name.
    """
    for layer in layers:
        name = own_name(layer.name)
        learns = any(one == name or one.endswith(f"/{name}") for one in chosen)
        for what, value in sorted(_attributes(layer)):
            counts = what == "activity_regularizer" or learns
            if counts and not _does_nothing(value):
                yield f"Core ML has no {what.replace('_', ' ')}; '{name}' learns without it"
        if learns and getattr(layer, "lora_enabled", False):
            yield f"Core ML has no LoRA; '{name}' learns all of its kernel"


def _attributes(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the penalties and constraints of `layer` by name, whatever weights it has."""
    for name, value in vars(layer).items():
        if name.endswith(PENALTIES) and not name.startswith("_") and value is not None:
            yield name, value


def _does_nothing(penalty: Any) -> bool:
    """Tell whether all factors of a regularizer are 0."""
    factors = [getattr(penalty, name) for name in ("l1", "l2", "factor") if hasattr(penalty, name)]
    return bool(factors) and all(float(factor) == 0 for factor in factors)


def _is_unusual(params: Any) -> bool:
    return getattr(params, "nGroups", 0) > 1 or any(
        n > 1 for n in getattr(params, "dilationFactor", ())
    )


def binary_head(
    plan: Training, end: Head, chosen: Collection[KerasLayer], recipe: Recipe
) -> tuple[Training, str]:
    """Return the training of a single unit made into two classes, and what to say about it.

    The difference of the two logits moves twice as fast as the one it replaces. Halving the rate
    undoes that exactly if nothing else learns; an explicit rate is kept as it is.
    """
    what = end.note
    if list(chosen) == [end.binary] and recipe.learning_rate is None:
        halved = plan.with_halved_rate()
        rate = halved.numbers["learning_rate"].default
        return halved, (
            f"{what}, which doubles its step; half the learning rate, {rate:g}, undoes that exactly"
        )
    if end.binary not in chosen:
        return plan, what
    return plan, f"{what}; its step is doubled, half the learning rate would undo that"


def about_loss(end: Head, labels: bool) -> Iterator[str]:
    """Yield what to know about the loss on the device."""
    if end.note and end.binary is None:
        yield end.note
    if end.loss == KERAS_SQUARED_ERROR and labels:
        yield "class labels on a model trained with mean squared error are for prediction only"
