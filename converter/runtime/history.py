"""What is told of a training: its samples, its epochs, the scores, how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.coreml.mlmodel import Floats
from converter.runtime.loop import Score
from converter.runtime.sources import Samples


@dataclass(frozen=True)
class Labelled:
    """Samples and what the network shall answer: `y` as `targets.targets` takes it."""

    samples: Samples
    y: Any


@dataclass(frozen=True)
class Epoch:
    """What one epoch did.

    Attributes:
        epoch: its number, from 1.
        loss: what the arithmetic tells as its loss; by default the mean over the samples.
        last_batch_loss: that of the last mini-batch, before its step.
        accuracy: the share of hits, each mini-batch before its step; None for values.
        held_out_loss: the mean over the held-out samples after the epoch.
        held_out_accuracy: the same of hits.
        seconds: how long it took.
    """

    epoch: int
    loss: float
    last_batch_loss: float
    accuracy: float | None
    held_out_loss: float | None
    held_out_accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class History:
    """What a training did.

    Attributes:
        before: the score on the held-out samples before it.
        epochs: what every epoch did.
        kept: of a model that keeps samples instead, how many of each class were added.
        after: the score on the held-out samples then.
    """

    before: Score | None
    epochs: list[Epoch]
    kept: Mapping[str | int, int] | None = None
    after: Score | None = None


class Progress:
    """Hears how far a training is. Does nothing; meant to be derived from."""

    def features(self, done: int, total: int) -> None:
        """The frozen layers' results are known for `done` of `total` samples."""

    def resumed(self, done: int, checkpoint: Path) -> None:
        """The training goes on after `done` epochs, from their `checkpoint`."""

    def before(self, score: Score | None) -> None:
        """The score on the held-out samples before training is known."""

    def samples(self, epoch: int, done: int, total: int) -> None:
        """`done` of `total` samples of an epoch (from 1) have been learnt from."""

    def batches(self, epoch: int, losses: Floats) -> None:
        """The losses of all mini-batches of an epoch (from 1) are known, each before its step."""

    def epoch(self, result: Epoch) -> None:
        """An epoch has ended."""

    def kept(self, history: History) -> None:
        """The samples have been added to a model that keeps them."""
