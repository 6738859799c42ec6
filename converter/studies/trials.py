"""The settings that a study tries with each of its models."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from converter.coreml.mlmodel import Message
from converter.errors import UsageError
from converter.runtime import Settings, settings
from converter.studies.model import Study
from converter.versions import VERSION

if TYPE_CHECKING:  # workers know trials, and convert nothing
    from converter.studies.candidates import Candidate


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
