"""The hyperparameters of an updatable network, and what the format says of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from converter.coreml.mlmodel import Message
from converter.coreml.optimizers import BATCH_SIZE


@dataclass(frozen=True)
class Hyperparameter:
    """One value that an app may choose before it starts an update."""

    name: str
    value: Message
    """An ``Int64Parameter`` or ``DoubleParameter``."""
    integer: bool = False
    positive: bool = False
    checked: bool = True
    """Whether Apple's validator looks at it."""


def hyperparameters(net: Message) -> Iterator[Hyperparameter]:
    """Yield the hyperparameters that are set in the network `net`."""
    update = net.updateParams
    kind = update.optimizer.WhichOneof("OptimizerType")
    if kind is not None:
        optimizer = getattr(update.optimizer, kind)
        for field, value in optimizer.ListFields():
            integer = field.name == BATCH_SIZE
            yield Hyperparameter(field.name, value, integer, integer, field.name != "momentum")
    if update.HasField("epochs"):
        yield Hyperparameter("epochs", update.epochs, integer=True, positive=True)
    if update.HasField("seed"):
        yield Hyperparameter("seed", update.seed, integer=True)
