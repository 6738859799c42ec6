"""The state of a training between two epochs, so that an interrupted one can go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converter.coreml.mlmodel import floats
from converter.errors import TrainingError, UsageError
from converter.files.kinds import ZIP_ERRORS, refuse_special
from converter.files.writing import replacing
from converter.runtime.plan import Plan
from converter.runtime.settings import Settings
from converter.runtime.trainer import Trainer


def fingerprint(plan: Plan, settings: Settings, samples: int) -> str:
    """Return what must be the same for a training to go on: all but the number of epochs."""
    digest = hashlib.sha256()
    numbers = asdict(replace(settings, epochs=1))
    digest.update(json.dumps([numbers, samples], sort_keys=True).encode())
    for layer in plan.frozen:  # what learns may stand behind other features, in fewer bits
        digest.update(layer.message.SerializeToString(deterministic=True))
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


@dataclass(frozen=True)
class State:
    """What a checkpoint holds: whose it is, what each epoch did, and the variables."""

    identity: str
    epochs: list[dict[str, float | None]]
    arrays: list[npt.NDArray[np.generic]]

    def into(self, trainer: Trainer) -> None:
        """Bring `trainer` to this state."""
        for variable, array in zip(trainer.state, self.arrays, strict=True):
            variable.assign(array)


def read(path: Path) -> State:
    """Return the state in `path`.

    Raises:
        TrainingError: the file is no checkpoint.
    """
    refuse_special(path, TrainingError)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            arrays = [stored[str(i)] for i in range(len(stored.files) - 1)]
            return State(facts["identity"], facts["epochs"], arrays)
    except (AttributeError, LookupError, MemoryError, TypeError, *ZIP_ERRORS) as error:
        raise TrainingError(f"{path}: is not a checkpoint; give another name for one") from error


def read_fitting(path: Path, identity: str, trainer: Trainer, epochs: int) -> State:
    """Return the state in `path`, from which `trainer` can go on to the end of `epochs`.

    Raises:
        TrainingError: the file is no checkpoint, or one of another training.
        UsageError: more than `epochs` are done already.
    """
    state = read(path)
    shapes = [tuple(variable.shape) for variable in trainer.state]
    if state.identity != identity or [array.shape for array in state.arrays] != shapes:
        raise TrainingError(
            f"{path}: belongs to another model, other data or other settings; give another name"
        )
    if (done := len(state.epochs)) > epochs:
        raise UsageError(
            f"{path}: holds {done} epochs already, so epochs cannot be {epochs}; choose {done} or "
            "more, or give the checkpoint another name"
        )
    return state
