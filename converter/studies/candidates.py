"""The models that a study compares, read or converted."""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from converter.coreml import mlmodel
from converter.coreml.features import labels
from converter.coreml.mlmodel import Message
from converter.errors import MakeUpdatableError, UsageError
from converter.files.paths import MODEL_ENDING, RECIPE_ENDINGS
from converter.recipe import Recipe
from converter.recipe.reading import read
from converter.runtime import plan
from converter.studies.model import Study


@dataclass(frozen=True)
class Candidate:
    """One model of a study.

    Attributes:
        name: what it is called in the answer.
        spec: the model.
        key: the hash of its bytes.
        source: the recipe by which it was converted here, if it was.
    """

    name: str
    spec: Message
    key: str
    source: Recipe | None = None

    @cached_property
    def recipe(self) -> Recipe | None:
        """The recipe by which it was converted, here or before; None if nothing tells it."""
        if self.source is not None:
            return self.source
        from converter.conversion.metadata import recipe_of  # takes all that converts

        return recipe_of(self.spec)


def candidates(study: Study) -> list[Candidate]:
    """Return the models of `study`: read, or converted from recipes and Keras files.

    Raises:
        MakeUpdatableError: one cannot be read, converted or trained.
        UsageError: they are no models to compare, or layers are given for a finished model.
    """
    found = list[Candidate]()
    for path in study.models:
        with _naming(path):
            for candidate in _candidates(path, study):
                plan(candidate.spec)  # refuses what cannot be trained
                found.append(candidate)
    first = found[0]
    for other in found[1:]:
        if _interface(other.spec) != _interface(first.spec):
            raise UsageError(
                f"models: {first.name} and {other.name} take or answer different things; compare "
                "models with the same inputs, labels and loss"
            )
    twice = next((a for a, b in itertools.combinations(found, 2) if a.key == b.key), None)
    if twice is not None:
        raise UsageError(f"models: {twice.name} is there twice; keep one of them")
    return found


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let errors say which of the models they are about."""
    try:
        yield
    except MakeUpdatableError as error:
        if str(path) not in str(error):
            error.args = (f"{path}: {error}",)
        raise


def _candidates(path: Path, study: Study) -> Iterator[Candidate]:
    choices = study.settings.layers
    if path.suffix in MODEL_ENDING:
        if choices is not None:
            raise UsageError(
                f"settings.layers: which layers learn is fixed in {path}; name its recipe or Keras "
                "file instead, or leave layers out"
            )
        spec = mlmodel.read(path)
        yield Candidate(path.stem, spec, _hash(spec))
        return
    recipe = read(path) if path.suffix in RECIPE_ENDINGS else Recipe(model=path)
    for layers in choices or (recipe.layers,):
        chosen = recipe.model_copy(update={"layers": layers})
        name = f"{path.stem} {','.join(layers)}" if choices else path.stem
        spec = _converted(chosen)
        yield Candidate(name, spec, _hash(spec), chosen)


def _converted(recipe: Recipe) -> Message:
    from converter.conversion.story import convert_file

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "candidate.mlmodel"
        convert_file(recipe.model_copy(update={"output_path": target, "on_device": False}))
        return mlmodel.read(target)


def _hash(spec: Message) -> str:
    return hashlib.sha256(mlmodel.serialize(spec)).hexdigest()


def _interface(spec: Message) -> tuple[object, ...]:
    inputs = [feature.SerializeToString(deterministic=True) for feature in spec.description.input]
    return inputs, labels(spec), plan(spec).loss
