"""The models that a study compares, and the settings that it tries with each of them."""

from __future__ import annotations

import hashlib
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from converter.conversion.metadata import recipe_of
from converter.conversion.story import convert_file
from converter.coreml import mlmodel
from converter.coreml.features import labels
from converter.coreml.mlmodel import Message
from converter.errors import UsageError
from converter.paths import MODEL_ENDING, RECIPE_ENDINGS
from converter.recipe import Recipe
from converter.recipe.reading import read
from converter.runtime import Settings, plan, settings
from converter.studies.model import Study
from converter.versions import VERSION


@dataclass(frozen=True)
class Candidate:
    """One model of a study.

    Attributes:
        name: what it is called in the answer.
        spec: the model.
        key: the hash of its bytes.
        recipe: what it was or would be converted by, if that is known.
    """

    name: str
    spec: Message
    key: str
    recipe: Recipe | None


@dataclass(frozen=True)
class Trial:
    """One setting of one model, whatever the number of samples.

    Attributes:
        model: its number among the candidates.
        settings: with the largest number of epochs; the seed is that of the study.
        needs: what the file does not allow, such as "learning_rate 2"; a new recipe has to.
    """

    model: int
    learning_rate: float
    momentum: float | None
    batch_size: int
    epochs: int
    settings: Settings
    needs: tuple[str, ...]

    @property
    def run(self) -> tuple[float, float | None, int]:
        """What tells one training from another: all but the epoch after which it is looked at."""
        return self.learning_rate, self.momentum, self.batch_size

    def key(self, samples: int, study: Study, common: str | None) -> str:
        """Return the text that stands for everything that results depend on beside model and user.

        `common` is the hash of the common test set.
        """
        told = {
            "learning_rate": self.learning_rate, "momentum": self.momentum,
            "batch_size": self.batch_size, "epochs": self.epochs, "samples": samples,
            "test_samples": study.test_samples, "common": common, "layout": study.layout,
            "scale": study.scale, "version": VERSION,
        }  # fmt: skip
        return json.dumps(told, sort_keys=True)


def candidates(study: Study) -> list[Candidate]:
    """Return the models of `study`: read, or converted from recipes and Keras files.

    Raises:
        MakeUpdatableError: one cannot be read, converted or trained.
        UsageError: they are no models to compare, or layers are given for a finished model.
    """
    found = [candidate for path in study.models for candidate in _candidates(path, study)]
    for candidate in found:
        plan(candidate.spec)  # refuses what cannot be trained
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


def _candidates(path: Path, study: Study) -> Iterator[Candidate]:
    choices = study.settings.layers
    if path.suffix in MODEL_ENDING:
        if choices is not None:
            raise UsageError(
                f"settings.layers: which layers learn is fixed in {path}; name its recipe or Keras "
                "file instead, or leave layers out"
            )
        spec = mlmodel.read(path)
        yield Candidate(path.stem, spec, _hash(spec), recipe_of(spec))
        return
    recipe = read(path) if path.suffix in RECIPE_ENDINGS else Recipe(model=path)
    for layers in choices or (recipe.layers,):
        chosen = recipe.model_copy(update={"layers": layers})
        name = f"{path.stem} {','.join(layers)}" if choices else path.stem
        spec = _converted(chosen)
        yield Candidate(name, spec, _hash(spec), chosen)


def _converted(recipe: Recipe) -> Message:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "candidate.mlmodel"
        convert_file(recipe.model_copy(update={"output_path": target, "on_device": False}))
        return mlmodel.read(target)


def _hash(spec: Message) -> str:
    return hashlib.sha256(mlmodel.serialize(spec)).hexdigest()


def _interface(spec: Message) -> tuple[object, ...]:
    inputs = [feature.SerializeToString(deterministic=True) for feature in spec.description.input]
    return inputs, labels(spec), plan(spec).loss


def trials(study: Study, models: Sequence[Candidate]) -> list[Trial]:
    """Return every combination of settings, for every model.

    Raises:
        UsageError: a momentum is asked for of a model that learns without.
    """
    return [trial for i, candidate in enumerate(models) for trial in _trials(study, i, candidate)]


def _trials(study: Study, number: int, candidate: Candidate) -> Iterator[Trial]:
    tried, own = study.settings, settings(candidate.spec)
    if tried.momentum is not None and "momentum" not in own.numbers:
        raise UsageError(
            f"settings.momentum: {candidate.name} learns with Adam, which has none; leave it out"
        )
    rates = tried.learning_rate or (own.numbers["learning_rate"],)
    momenta = tried.momentum or (own.numbers.get("momentum"),)
    sizes, epochs = tried.batch_size or (own.batch_size,), tried.epochs or (own.epochs,)
    for rate, momentum, size, count in itertools.product(rates, momenta, sizes, sorted(epochs)):
        numbers = {**own.numbers, "learning_rate": rate}
        if momentum is not None:
            numbers["momentum"] = momentum
        chosen = replace(own, numbers=numbers, batch_size=size, epochs=max(epochs))
        values = {"learning_rate": rate, "momentum": momentum, "batch_size": size, "epochs": count}
        needs = tuple(_forbidden(candidate.spec, values))
        yield Trial(number, rate, momentum, size, count, chosen, needs)


def _forbidden(spec: Message, values: dict[str, float | int | None]) -> Iterator[str]:
    """Yield each of `values` that an app could not choose with the file as it is."""
    for name, value in values.items():
        try:
            settings(spec, **{name: value})
        except UsageError:
            yield f"{name} {value:g}"
