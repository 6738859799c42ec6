"""Training whatever learns: a network by gradients, or nearest neighbours by keeping samples.

What is different for each of them is a row of `WAYS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from converter.coreml.mlmodel import Message
from converter.coreml.neighbors import KIND
from converter.coreml.pipelines import learner
from converter.runtime import evaluation, keeping, training
from converter.runtime import settings as numbers
from converter.runtime.history import History, Labelled, Progress
from converter.runtime.loop import Score
from converter.runtime.plan import plan
from converter.runtime.settings import Settings


@dataclass(frozen=True)
class Way:
    """How a kind of model learns.

    Attributes:
        settings: reads the settings from the model, or takes those chosen.
        check: refuses what cannot be trained, before any data are read.
        train: updates the model.
        evaluate: tells how well it answers.
        has_epochs: whether it learns in passes, by an optimizer, from which a training can go on.
    """

    settings: Callable[..., Settings]
    check: Callable[[Message, Settings], object]
    train: Callable[..., History]
    evaluate: Callable[[Message, Labelled, int], Score]
    has_epochs: bool


NETWORK = Way(
    numbers.settings,
    lambda model, settings: plan(model),
    training.train,
    evaluation.evaluate,
    True,
)

WAYS = {KIND: Way(keeping.settings, keeping.check, keeping.train, keeping.evaluate, False)}
"""Kind of the model that learns -> how it does; all others learn as networks do, or not at all."""


def way(model: Message) -> Way:
    """Return how `model`, which may be a pipeline, learns."""
    return WAYS.get(learner(model).WhichOneof("Type"), NETWORK)


def settings(model: Message, **chosen: float | int | bool | None) -> Settings:
    """Return the settings stored in `model`, with those in `chosen` that are not None instead.

    Names: those of `coreml.optimizers.TRAINING`. The arithmetic, of which files say nothing, is
    Keras's.

    Raises:
        UsageError: a value lies outside what the model allows, where Core ML would refuse it too,
            or is no setting of this model.
        TrainingError: the model has no optimizer.
    """
    return way(model).settings(model, **chosen)


def check(model: Message, settings: Settings) -> None:
    """Check that `model` can be trained here with `settings`.

    Raises:
        TrainingError: the model is not updatable, or not in a way that Core ML would accept.
        ModelFileError: it cannot be run here.
        UsageError: the settings are none for this model.
    """
    way(model).check(model, settings)


def train(
    model: Message,
    data: Labelled,
    settings: Settings,
    held_out: Labelled | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> History:
    """Update `model`, in place, by `data`: see `training.train` and `keeping.train`."""
    return way(model).train(model, data, settings, held_out, checkpoint, progress)


def evaluate(model: Message, data: Labelled, batch_size: int = 32) -> Score:
    """Return how well `model` answers: see `evaluation.evaluate` and `keeping.evaluate`."""
    return way(model).evaluate(model, data, batch_size)
