"""The network that learns: lowered from what was traced, its loss attached, its layers chosen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from converter.coreml.interface import Interface
from converter.errors import MakeUpdatableError
from converter.keras_file.compiled import Loss
from converter.learning import choice, head
from converter.learning.choice import Candidate
from converter.learning.head import Head, UnfitLossError
from converter.learning.tail import Tail, tail
from converter.lower.walk import Lowered, lower
from converter.trace.leading import Leading
from converter.trace.program import KerasLayer, Program


@dataclass(frozen=True)
class Traced:
    """One output of a Keras model as a program, and what the app sees of it.

    `output` is the name of that output, `index` its place among the model's. `leading` is what the
    model does to its pixels first; `program` is without it if an image input does that instead.
    """

    program: Program
    interface: Interface
    leading: Leading | None
    index: int
    output: str

    @cached_property
    def tail(self) -> Tail:
        """How the program ends, which is asked for each loss and each lowering."""
        return tail(self.program)


@dataclass(frozen=True)
class Network:
    """What was `traced` as Core ML layers, the loss at its `end`, and the layers that learn.

    `barred` are those that would learn by default, but cannot, each with the reason.
    """

    traced: Traced
    lowered: Lowered
    end: Head
    chosen: tuple[KerasLayer, ...]
    barred: tuple[Candidate, ...] = ()


def learning_network(traced: Traced, loss: Loss | None, patterns: Sequence[str] = ()) -> Network:
    """Return the network in which the layers that the names or globs `patterns` select learn.

    Without patterns all dense layers that can learn do so, or else the last convolution. Which can
    is known of a lowered network only, and how it is lowered depends on what learns: a layer that
    learns does not absorb what frozen layers before it compute. So everything is lowered as frozen
    first, and a second time only if a layer chosen then has absorbed something.

    Raises:
        NotUpdatableError: a pattern selects nothing, or a layer that cannot learn; or none can.
        UnsupportedError: an operation has no counterpart in Core ML, or the loss has none; the
            message advises only losses with which the conversion succeeds.
        UsageError: the loss must be named.
    """
    try:
        return _learning(traced, loss, patterns)
    except UnfitLossError as error:
        raise _told(error, traced, patterns) from None


def _learning(traced: Traced, loss: Loss | None, patterns: Sequence[str]) -> Network:
    chosen = choice.chosen_layers(traced.program, patterns) if patterns else []
    lowered, end, found = _lowered(traced, loss, chosen)
    if not patterns:
        chosen = choice.default_choice(found)
        if any(made.absorbs and made.keras in chosen for made in lowered.net.weighted.values()):
            lowered, end, found = _lowered(traced, loss, chosen)
    choice.check_choice(found, chosen)
    barred = () if patterns else choice.barred(found)
    return Network(traced, lowered, end, tuple(chosen), barred)


def candidates(traced: Traced, loss: Loss | None) -> list[Candidate]:
    """Return every Keras layer with a kernel, and whether it may learn by `loss`.

    Raises:
        UnsupportedError: an operation has no counterpart in Core ML, or the loss has none.
        UsageError: the loss must be named.
    """
    try:
        return _lowered(traced, loss, ())[2]
    except UnfitLossError as error:
        raise _told(error, traced, ()) from None


def _told(error: UnfitLossError, traced: Traced, patterns: Sequence[str]) -> MakeUpdatableError:
    """Return the error for the user: it advises the losses by which `patterns` can learn."""
    fitting = [name for name in error.offers if _fits(traced, head.asked(name), patterns)]
    return error.told(fitting, traced.tail)


def _fits(traced: Traced, loss: Loss, patterns: Sequence[str]) -> bool:
    labels = traced.interface.labels
    try:
        classes = _learning(traced, loss, patterns).end.blob.channels
    except (MakeUpdatableError, UnfitLossError):
        return False
    return labels is None or len(labels) == classes


def _lowered(
    traced: Traced, loss: Loss | None, updatable: Collection[KerasLayer]
) -> tuple[Lowered, Head, list[Candidate]]:
    """Lower for `updatable` to learn, and attach the loss; tell which layers a gradient reaches."""
    lowered = lower(traced.program, traced.interface, updatable)
    end = head.attach(lowered.net, lowered.output, loss, traced.tail)
    return lowered, end, choice.candidates(lowered.net, end.blob.name)
