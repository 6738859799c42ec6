"""What a recipe asks of classes that the Keras model does not know: the model that has them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter.conversion.interface import labels_of
from converter.conversion.metadata import recipe_of
from converter.conversion.source import check_size, load_as_told
from converter.conversion.traced import check_not_quantized, chosen_output, compiled_or_asked
from converter.coreml.features import labels
from converter.coreml.interface import OWN_KEYS, Labels
from converter.coreml.mlmodel import Message
from converter.coreml.optimizers import LARGEST_INTEGER
from converter.errors import NotUpdatableError, ParityError, UnsupportedError, UsageError
from converter.keras_file.compiled import CompileSettings
from converter.learning.head import KERAS_CROSS_ENTROPY
from converter.learning.network import Network, Traced
from converter.learning.new_classes import (
    Ended,
    end_of,
    known_classes,
    with_new_head,
    with_spare_classes,
)
from converter.recipe import Recipe

NEW_CLASSES_KEY = f"{OWN_KEYS}new_classes"
"""Metadata: what was done to the last layer of the Keras model."""

SPARE = "spare-{}"
"""Label of a spare class that has no name yet, counted from 1."""


@dataclass(frozen=True)
class Renewed:
    """The Keras model to convert and the recipe for it, which names all its classes.

    `ended` tells how its end was made, None if it is the model as it was given. `output` is the
    name of the output in the latter.
    """

    model: Any
    recipe: Recipe
    ended: Ended | None = None
    output: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done, for the user."""
        return (self.ended.note,) if self.ended else ()

    def named(self, traced: Traced) -> Traced:
        """Return `traced` with the output's own name, by which losses know it."""
        return replace(traced, output=self.output) if self.ended else traced

    def check_learns(self, network: Network) -> None:
        """Check that the layer with the new classes is among those that learn.

        Raises:
            NotUpdatableError: it is not.
        """
        if self.ended and self.ended.head not in _own_names(network):
            raise NotUpdatableError(
                f"new classes are learned in '{self.ended.head}', which is not among the layers "
                "that learn; add it to --layers"
            )

    def describe(self, spec: Message) -> None:
        """Write into the metadata of `spec` what was done."""
        if self.ended:
            spec.description.metadata.userDefined[NEW_CLASSES_KEY] = self.ended.note


def renewed(model: Any, settings: CompileSettings | None, recipe: Recipe) -> Renewed:
    """Return the live Keras `model` with the classes that `recipe` asks for.

    Raises:
        UsageError: the labels do not fit, or the model tells no classes.
        UnsupportedError: the model does not end in a dense layer.
    """
    if recipe.new_head is None and recipe.spare_classes is None:
        return Renewed(model, recipe)
    names = labels_of(recipe)
    assert names is not None, "the contradictions of a recipe ask for labels"
    index, output = chosen_output(model, recipe)
    check_not_quantized(model)
    loss = compiled_or_asked(output, settings, recipe)
    if recipe.new_head is not None:
        if len(names) < 2:
            raise UsageError("--new-head: one class leaves nothing to tell apart; name two or more")
        check_size([(*end_of(model, index).dense.kernel.shape[:1], len(names))])
        seed = (recipe.seed or 0) % 2**64
        ended = with_new_head(model, index, len(names), recipe.new_head, seed, loss)
    else:
        assert recipe.spare_classes is not None
        end = end_of(model, index)
        names = _with_spares(names, known_classes(end), recipe.spare_classes)
        check_size([(*end.dense.kernel.shape[:1], len(names))])
        ended = with_spare_classes(model, index, recipe.spare_classes, loss)
    left = recipe.model_copy(update={"classes": names, "loss": KERAS_CROSS_ENTROPY, "output": None})
    return Renewed(ended.model, left, ended, output)


def renewed_again(
    model: Any, settings: CompileSettings | None, recipe: Recipe, spec: Message
) -> Renewed:
    """Return `model` as it was when `spec` was made of it by `recipe`; `spec` has the labels.

    Raises:
        ParityError: it cannot have been that model.
    """
    try:
        return renewed(model, settings, recipe.model_copy(update={"classes": _labels(spec)}))
    except (UsageError, UnsupportedError) as error:
        raise ParityError(
            f"the Keras model cannot get the new classes ({error}); is it the one that was "
            "converted?"
        ) from error


def original(
    spec: Message,
    path: Path,
    *,
    weights: Path | None = None,
    allow_unsafe: bool = False,
    **given: Any,
) -> Renewed:
    """Return the Keras model at `path` as it was when `spec` was made of it, with its `weights`.

    `given` are settings of a recipe, ``scale``, ``bias``, ``input_shape`` or ``signature``, that
    win over those that `spec` carries.

    Raises:
        KerasFileError: the file cannot be read, or not without running code stored in it.
        ParityError: it cannot have been that model.
    """
    recipe = (recipe_of(spec) or Recipe(model=path)).model_copy(update=given)
    here = {"model": path, "weights": weights, "allow_unsafe": allow_unsafe}
    loaded = load_as_told(recipe.model_copy(update=here))
    return renewed_again(loaded.model, loaded.compile_settings, recipe, spec)


def _labels(spec: Message) -> Labels | None:
    found = labels(spec)
    return tuple(found) if found else None  # type: ignore[return-value]


def _with_spares(names: Labels, known: int, count: int) -> Labels:
    """Return the labels of `known` classes and of `count` spare ones, of which `names` may lack.

    Raises:
        UsageError: there are neither as many as are known, nor as many as there will be.
    """
    if len(names) == known + count:
        return names
    if len(names) != known:
        raise UsageError(
            f"--spare-classes: {len(names)} class labels for {known} outputs of the model and "
            f"{count} spare; give {known}, or {known + count} to name the spare ones, too"
        )
    if isinstance(names[0], int):
        highest = max(int(name) for name in names)
        if highest + count > LARGEST_INTEGER:
            raise UsageError("--spare-classes: no numbers are left above the largest class label")
        return (*names, *range(highest + 1, highest + count + 1))
    spare = tuple(SPARE.format(number) for number in range(1, count + 1))
    taken = next((name for name in spare if name in names), None)
    if taken is not None:
        raise UsageError(
            f"class label '{taken}' is taken; name the {count} spare ones in --classes, too"
        )
    return (*names, *spare)


def _own_names(network: Network) -> set[str]:
    return {layer.name.split("/")[-1] for layer in network.chosen}
