"""The state of a training between two epochs, so that an interrupted one can go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from converter.coreml.mlmodel import floats
from converter.errors import TrainingError
from converter.file_kinds import ZIP_ERRORS, special
from converter.files import replacing
from converter.runtime.plan import Plan
from converter.runtime.settings import Settings
from converter.runtime.trainer import Trainer


def fingerprint(plan: Plan, settings: Settings, samples: int) -> str:
    """Return what must be the same for a training to go on: all but the number of epochs."""
    digest = hashlib.sha256()
    numbers = asdict(replace(settings, epochs=1))
    digest.update(json.dumps([numbers, samples], sort_keys=True).encode())
    for parameter in plan.parameters:
        digest.update(repr(parameter.key).encode())
        digest.update(floats(parameter.stored).tobytes())
    return digest.hexdigest()


def save(path: Path, identity: str, trainer: Trainer, epochs: Sequence[object]) -> None:
    """Write the state after `epochs` (JSON values that describe each) to `path` in one step.

    Raises:
        OutputError: the file cannot be written.
    """
    arrays = {str(i): variable.numpy() for i, variable in enumerate(trainer.state)}
    facts = json.dumps({"identity": identity, "epochs": list(epochs)})
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, facts=np.array(facts), **arrays)


def restore(path: Path, identity: str, trainer: Trainer) -> list[dict[str, float | None]]:
    """Bring `trainer` to the state in `path` and return what it says of each epoch done.

    Raises:
        TrainingError: the file is no checkpoint, or one of another training.
    """
    if found := special(path):
        raise TrainingError(f"{path}: {found}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            arrays = [stored[str(i)] for i in range(len(trainer.state))]
    except (KeyError, MemoryError, *ZIP_ERRORS) as error:
        raise TrainingError(f"{path}: is not a checkpoint ({error}); delete it") from error
    fits = all(v.shape == array.shape for v, array in zip(trainer.state, arrays, strict=True))
    if facts["identity"] != identity or not fits:
        raise TrainingError(
            f"{path}: belongs to another model, other data or other settings; delete it or give "
            "another name"
        )
    for variable, array in zip(trainer.state, arrays, strict=True):
        variable.assign(array)
    epochs: list[dict[str, float | None]] = facts["epochs"]
    return epochs
