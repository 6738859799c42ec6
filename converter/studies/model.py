"""A study: names, types, limits and descriptions of everything that it can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from converter.coreml.optimizers import LARGEST_INTEGER, NUMBERS
from converter.files.paths import Input
from converter.recipe.mappings import Strict, misplaced
from converter.recipe.values import Place, Scaling, Text

RESULTS = (".results", ".sqlite", ".db")
ANSWERS = (".json", ".csv")
PLOTS = (".svg", ".png")
"""Endings of the files that a study writes."""

MOST_SAMPLES = 1_000_000
"""Of one user, or of the test set that all share."""

MOST_USERS = 1_000_000
MOST_SEEDS = 30
MOST_TRAININGS = 10_000
"""Of each user: settings, sizes and seeds multiplied."""

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=MOST_SAMPLES)]
Epochs = Annotated[int, Field(ge=1, le=100_000)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]


def _distinct(values: tuple[object, ...]) -> tuple[object, ...]:
    twice = next((value for i, value in enumerate(values) if value in values[:i]), None)
    if twice is not None:
        raise ValueError(f"{twice} is given twice; keep one of them")
    return values


def _number(name: str) -> AfterValidator:
    """Return what refuses a value with which no optimizer can work."""

    def check(value: float) -> float:
        if wrong := NUMBERS[name].complaint(value):
            raise ValueError(f"{value:g} {wrong}")
        return value

    return AfterValidator(check)


Distinct = AfterValidator(_distinct)


class Shifts(Strict):
    """How one user's samples differ from the common data; each user draws values of their own.

    They are applied in this order; `converter.studies.shifts` says what each does.
    """

    label_subset: Annotated[int, Field(ge=1, le=MOST_SAMPLES)] | None = Field(
        default=None, description="Each user has samples of so many classes only."
    )
    label_skew: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        default=None,
        description="α of the Dirichlet distribution that a user's shares of the classes come "
        "from; 0.1 is strong, 100 hardly any.",
    )
    scale: Annotated[float, Field(ge=1, le=10)] | None = Field(
        default=None, description="Made larger or smaller, up to this factor either way."
    )
    rotation: Annotated[float, Field(ge=0, le=180)] | None = Field(
        default=None, description="Rotated by up to so many degrees either way."
    )
    translation: Annotated[float, Field(ge=0, le=10_000)] | None = Field(
        default=None, description="Moved by up to so many pixels along each axis."
    )
    contrast: Annotated[float, Field(ge=1, le=100)] | None = Field(
        default=None, description="Contrast changed, up to this factor either way."
    )
    brightness: Share | None = Field(
        default=None, description="Made brighter or darker, up to this share of the range."
    )
    inversion: Share | None = Field(
        default=None, description="The share of users whose samples are inverted."
    )
    noise: Share | None = Field(
        default=None,
        description="Standard deviation of noise, up to this share of the range.",
    )


class Simulated(Strict):
    """Users made of a data set that everybody shares."""

    data: Place = Field(
        description="Where samples come from: an .npz file, a folder with a folder per class, or "
        "a name of keras.datasets."
    )
    count: Annotated[int, Field(ge=1, le=MOST_USERS)] = Field(
        default=100, description="How many users (default: 100)."
    )
    seed: Seed = Field(default=0, description="Seed of who they are (default: 0).")
    shifts: Shifts = Field(
        default=Shifts(), description="How each differs from the others (default: not at all)."
    )


class Users(Strict):
    """Whose samples the model meets: real ones in `data`, or simulated ones."""

    data: Place | None = Field(
        default=None,
        description="A folder per user with a folder per class, or an .npz file with x, y, user.",
    )
    simulated: Simulated | None = Field(
        default=None, description="Make users from a common data set instead."
    )

    @model_validator(mode="after")
    def _one(self) -> Users:
        if (self.data is None) == (self.simulated is None):
            both = self.data is not None
            said = "is given beside simulated; keep one of them" if both else "is missing; name a "
            raise misplaced("data", said if both else f"{said}folder or file, or give simulated")
        return self


class Settings(Strict):
    """What to try; every combination is. What is not given is as in the model."""

    learning_rate: Annotated[
        tuple[Annotated[float, _number("learning_rate")], ...], Field(min_length=1), Distinct
    ] | None = Field(default=None, description="Step sizes.")  # fmt: skip
    momentum: Annotated[
        tuple[Annotated[float, _number("momentum")], ...], Field(min_length=1), Distinct
    ] | None = Field(default=None, description="Momenta of SGD.")  # fmt: skip
    epochs: Annotated[tuple[Epochs, ...], Field(min_length=1), Distinct] | None = Field(
        default=None, description="Passes over the user's samples."
    )
    batch_size: Annotated[tuple[Count, ...], Field(min_length=1), Distinct] | None = Field(
        default=None, description="Samples per step."
    )
    layers: Annotated[
        tuple[Annotated[tuple[Text, ...], Field(min_length=1)], ...], Field(min_length=1), Distinct
    ] | None = Field(
        default=None,
        description="Choices of layers that learn; for recipes and Keras files only.",
    )  # fmt: skip


class Goal(Strict):
    """What a setting has to reach; of those that do, the one with the highest median gain wins.

    Of classes, gain and forgetting are shares of the test samples: 0.05 is five in a hundred.
    """

    gain: Annotated[float, Field(ge=-1, le=1)] = Field(
        default=0.01, description="Least gain of the median user (default: 0.01)."
    )
    worse: Share = Field(
        default=0.1, description="Largest share of users made worse (default: 0.1)."
    )
    forgetting: Annotated[float, Field(ge=0)] = Field(
        default=0.05,
        description="Most that the median user's model may lose on the common test set "
        "(default: 0.05).",
    )
    samples: Count | None = Field(
        default=None,
        description="From how many samples of a user, one of samples (default: the most).",
    )


class Study(Strict):
    """A personalization study: models, users, what to try, and what is wanted of it."""

    models: Annotated[tuple[Place, ...], Field(min_length=1), Distinct] = Field(
        description="Updatable models (.mlmodel), recipes (.yaml) or Keras files (.h5, .keras) to "
        "compare."
    )
    users: Users = Field(description="Whose samples the model meets.")
    layout: Literal["auto", "nhwc", "nchw"] = Field(
        default="auto", description="Order of the axes of arrays, where both fit the model."
    )
    scale: Scaling = Field(
        default=1.0, description="Factor on all data, a number or such as 1/255."
    )
    settings: Settings = Field(
        default=Settings(), description="What to try; every combination is (default: the model's)."
    )
    samples: Annotated[tuple[Count, ...], Field(min_length=1), Distinct] = Field(
        default=(5, 10, 20, 50),
        description="How many samples a user gives; larger sets contain the smaller ones.",
    )
    test_samples: Count = Field(
        default=20, description="Other samples of each user, to test with (default: 20)."
    )
    common: Place | None = Field(
        default=None,
        description="Data of everybody, to measure what is forgotten (default: the test part of "
        "the data that users are simulated from).",
    )
    common_samples: Count = Field(
        default=500, description="How many of them are used (default: 500)."
    )
    seeds: Annotated[
        tuple[Seed, ...], Field(min_length=1, max_length=MOST_SEEDS), Distinct
    ] = Field(
        default=(0, 1, 2),
        description="Of each, another choice of samples and another order of them.",
    )  # fmt: skip
    goal: Goal = Field(default=Goal(), description="What a setting has to reach.")
    results: Place | None = Field(
        default=None,
        description="Where results are kept, so that a study goes on where it was "
        "(default: <STUDY>.results).",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        if self.goal.samples is not None and self.goal.samples not in self.samples:
            listed = ", ".join(map(str, sorted(self.samples)))
            raise misplaced("goal", f"samples: {self.goal.samples} is not one of {listed}")
        if (total := self.trainings()) > MOST_TRAININGS:
            raise misplaced(
                "settings", f"make {total} trainings of each user; {MOST_TRAININGS} are the most"
            )
        return self

    def trainings(self) -> int:
        """Return how many trainings there are of each user and model, but for choices of layers."""
        tried = self.settings
        lists = (tried.learning_rate, tried.momentum, tried.epochs, tried.batch_size)
        total = len(self.samples) * len(self.seeds) * len(tried.layers or " ")
        for values in lists:
            total *= len(values or " ")
        return total

    @property
    def needed(self) -> int:
        """How many samples a user needs: for the largest size, and to test with."""
        return max(self.samples) + self.test_samples

    def inputs(self) -> list[Input]:
        """Return every file or folder that the study reads, as far as it names them."""
        users = self.users.data or (self.users.simulated.data if self.users.simulated else None)
        named = [("models", model) for model in self.models]
        named += [("users", users)] if users else []
        named += [("common", self.common)] if self.common else []
        return [Input(name, path) for name, path in named]

    def place(self, file: Path | None = None) -> Path:
        """Return where results are kept; by default in the working folder, named after `file`."""
        return self.results or Path(f"{file.stem if file else 'study'}.results")
