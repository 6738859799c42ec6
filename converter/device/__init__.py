"""One real Core ML update on a Mac, compared with the file and with the reference runtime.

    verdict = check(mlmodel.read(path), timeout=600)
    verdict.outcome                       # Outcome.NOT_RUN anywhere but on a Mac

Core ML runs in a child process, because it may end its process instead of returning an error.
"""

from __future__ import annotations

import importlib.util
import platform
from dataclasses import replace
from typing import TYPE_CHECKING

from converter.coreml.mlmodel import Message
from converter.coreml.subject import Keeper, Subject, updatable
from converter.device import job, neighbors, reference, report
from converter.device.batch import Batch, first_of, random_batch
from converter.device.checks import Check
from converter.device.child import Ending
from converter.device.comparing import Agreement, Expected, compared
from converter.device.verdict import Outcome, Verdict, judge
from converter.errors import MakeUpdatableError, install

if TYPE_CHECKING:
    from converter.runtime.history import Labelled

__all__ = ["Check", "Outcome", "Verdict", "check", "why_not_here"]

TIMEOUT = 600.0
"""Seconds that compiling, updating and reloading may take together."""


def why_not_here() -> str | None:
    """Return why no update can be run on this machine, None if it can."""
    system = platform.system()
    if system != "Darwin":
        return f"Core ML runs on macOS only, and this is {system}"
    missing = [name for name in ("objc", "CoreML") if importlib.util.find_spec(name) is None]
    if missing:
        return f"pyobjc is not installed; {install('macos')}"
    return None


def check(model: Message, data: Labelled | None = None, timeout: float = TIMEOUT) -> Verdict:
    """Run one update of `model` in Core ML and judge it.

    `data` are samples to learn from, seeded random ones without; the first few are used: two
    mini-batches, and a smaller one.

    Raises:
        TrainingError: the model is not updatable.
        DataError: the samples do not fit the model.
    """
    chosen = updatable(model)
    reason = why_not_here()
    if reason is not None:
        return Verdict(Outcome.NOT_RUN, reason)
    if isinstance(chosen, Keeper):
        return _by_neighbors(chosen, data, timeout)
    settings = job.settings(chosen, len(data.samples) if data else None)
    count = settings.samples()
    batch = first_of(chosen, data, count) if data else random_batch(chosen, count)
    return judged(chosen, batch, settings, job.run(chosen, batch, settings, timeout))


def _by_neighbors(chosen: Keeper, data: Labelled | None, timeout: float) -> Verdict:
    """Let Core ML add samples, and judge what it answers then."""
    batch = neighbors.samples(chosen, data)
    ours = neighbors.reference(chosen, batch)
    settings = job.Settings(1, len(batch), is_default=True)
    ending = job.run(chosen, batch, settings, timeout, ours.classes)
    return neighbors.judged(chosen, batch, ours, ending)


def judged(chosen: Subject, batch: Batch, settings: job.Settings, ending: Ending) -> Verdict:
    """Return the verdict on how the child ended, with the comparison to the reference runtime."""
    layers = list(chosen.layers())
    expected = Expected(
        [layer.layer.name for layer in layers],
        [number for number, layer in enumerate(layers) if layer.is_updatable],
        reference.stored_weights(chosen),
        settings.epochs,
    )
    agreement, steps, why = _compared(chosen, batch, settings, ending, expected)
    verdict = judge(expected, ending, agreement, why)
    return replace(
        verdict,
        facts={**verdict.facts, **report.facts(chosen, batch, settings, ending, steps, why)},
        arrays=report.arrays(chosen, batch, ending, steps),
    )


def _compared(
    chosen: Subject,
    batch: Batch,
    settings: job.Settings,
    ending: Ending,
    expected: Expected,
) -> tuple[Agreement | None, reference.Steps | None, str]:
    """Return how Core ML agrees with the reference runtime, or why that cannot be said here."""
    if not any(name.startswith("predicted.after.") for name in ending.arrays):
        return None, None, "Core ML has predicted nothing after the update"
    found = compared(expected, ending.arrays, "before", expected.keys(updatable=True))
    if found.missing or found.reordered:
        return None, None, "in which order Core ML keeps the weights is not known"
    if settings.shuffle:
        return None, None, "the model shuffles, in an order that is not known"
    try:
        agreement = reference.agreement(chosen, batch, ending.arrays)
        return agreement, reference.steps(chosen, batch, settings), ""
    except MakeUpdatableError as error:
        return None, None, str(error)
