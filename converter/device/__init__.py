"""One real Core ML update on a Mac, compared with the file and with the reference runtime.

    verdict = check(mlmodel.read(path), timeout=600)
    verdict.outcome                       # Outcome.NOT_RUN anywhere but on a Mac

Core ML runs in a child process, because it may end its process instead of returning an error.
"""

from __future__ import annotations

import importlib.util
import platform
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.coreml.mlmodel import Message
from converter.coreml.subject import Subject, subject
from converter.device import child, job, reference
from converter.device.batch import Batch, first_of, random_batch
from converter.device.checks import Agreement, Check, Expected
from converter.device.verdict import Outcome, Verdict, judge
from converter.errors import MakeUpdatableError, install

if TYPE_CHECKING:
    from converter.runtime.training import Labelled

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

    `data` are samples to learn from, seeded random ones without; the first mini-batch is used.

    Raises:
        TrainingError: the model is not updatable.
        DataError: the samples do not fit the model.
    """
    chosen = subject(model)
    reason = why_not_here()
    if reason is not None:
        return Verdict(Outcome.NOT_RUN, reason)
    settings = job.settings(chosen, len(data.samples) if data else job.LARGEST_BATCH)
    count = settings.batch_size
    batch = first_of(chosen, data, count) if data else random_batch(chosen, count)
    with tempfile.TemporaryDirectory(prefix="make-updatable-") as name:
        folder = Path(name)
        job.write(folder, chosen, batch, settings, timeout)
        return judged(chosen, batch, settings, child.run(folder, timeout))


def judged(chosen: Subject, batch: Batch, settings: job.Settings, ending: child.Ending) -> Verdict:
    """Return the verdict on how the child ended, with the comparison to the reference runtime."""
    layers = list(chosen.layers())
    expected = Expected(
        [layer.layer.name for layer in layers],
        [number for number, layer in enumerate(layers) if layer.is_updatable],
        reference.stored_weights(chosen),
        None if chosen.scope else settings.epochs,
    )
    agreement, facts = _compared(chosen, batch, settings, ending, expected)
    verdict = judge(expected, ending, agreement)
    return replace(verdict, facts={**verdict.facts, **facts})


def _compared(
    chosen: Subject,
    batch: Batch,
    settings: job.Settings,
    ending: child.Ending,
    expected: Expected,
) -> tuple[Agreement | None, dict[str, Any]]:
    """Return how Core ML agrees with the reference runtime, as far as that can be said here."""
    facts: dict[str, Any] = {
        "samples": len(batch),
        "epochs": settings.epochs,
        "batch_size": settings.batch_size,
    }
    if not any(name.startswith("predicted.after.") for name in ending.arrays):
        return None, facts
    try:
        agreement = reference.agreement(chosen, batch, ending.arrays)
        ours = reference.step(chosen, batch, settings)
    except MakeUpdatableError as error:
        return None, {**facts, "reference": f"no comparison: {error}"}
    theirs = {
        name.removeprefix("after."): array
        for name, array in ending.arrays.items()
        if name.startswith("after.")
    }
    compared = reference.compare_steps(chosen, expected.stored, ours, theirs)
    return agreement, {**facts, "reference": compared}
