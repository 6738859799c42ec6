"""Does everything once, in stages.

The answer is ``answer.json``, rewritten at every stage so that the parent knows how far it came,
and ``arrays.npz``.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import objc
from Foundation import NSArray

from converter.device.worker.bridge import CoreMLError
from converter.device.worker.reading import predictions, weights
from converter.device.worker.samples import providers
from converter.device.worker.update import COMPUTE_UNITS, compiled, load, save, updated


class Answer:
    """What the parent reads: the stage, what was seen, and arrays by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: dict[str, Any] = {
            "error": None,
            "system": f"macOS {platform.mac_ver()[0]} {platform.machine()}",
            "pyobjc": objc.__version__,
            "compute_units": COMPUTE_UNITS,
        }
        self.arrays: dict[str, Any] = {}

    def stage(self, name: str) -> None:
        """Note that `name` begins."""
        self.found["stage"] = name
        self.save()

    def save(self) -> None:
        """Write the JSON in one step."""
        temporary = self.folder / "answer.tmp"
        temporary.write_text(json.dumps(self.found, indent=1))
        temporary.replace(self.folder / "answer.json")

    def save_arrays(self) -> None:
        """Write the arrays."""
        np.savez(self.folder / "arrays.npz", **self.arrays)


def main(folder: Path) -> int:
    """Run the job in `folder` and return the exit code: 0 if Core ML did what it was asked."""
    job = json.loads((folder / "job.json").read_text())
    answer = Answer(folder)
    try:
        with objc.autorelease_pool():
            run(job, folder, answer)
    except Exception as error:
        answer.found["error"] = f"{error}" if isinstance(error, CoreMLError) else repr(error)
    finally:
        answer.save_arrays()
        if answer.found["error"] is None:
            answer.found["stage"] = "done"
        answer.save()
    return 0 if answer.found["error"] is None else 1


def run(job: Any, folder: Path, answer: Answer) -> None:
    """Do everything once; what was seen is in `answer`."""
    answer.stage("compiling the model")
    path = compiled(folder)
    answer.stage("loading the model")
    model = load(path)
    if not model.modelDescription().isUpdatable():
        raise CoreMLError("Core ML says that the model is not updatable")
    answer.stage("building the samples")
    samples = providers(job, folder, model, training=False)
    training = NSArray.arrayWithArray_(providers(job, folder, model, training=True))
    answer.stage("predicting before the update")
    keep(answer, "predicted.before", predictions(job, model, samples))
    answer.stage("updating")
    update = updated(job, path, training)
    answer.found |= {"completed": update.completed, "told": update.told, "error": update.error}
    answer.found["troubles"] = update.troubles
    keep(answer, "before", update.before)
    keep(answer, "after", update.after)
    answer.save_arrays()  # whatever ends the process from here on
    if update.model is None:
        return
    answer.stage("predicting after the update")
    keep(answer, "predicted.after", predictions(job, update.model, samples))
    answer.stage("writing the updated model")
    target = folder / "updated.mlmodelc"
    save(update.model, target)  # where there is none yet
    answer.stage("replacing the updated model")
    save(update.model, target)
    answer.stage("reading the updated model")
    again = load(target)
    read(job, again, answer, "reloaded", updatable=True)
    keep(answer, "predicted.reloaded", predictions(job, again, samples))
    answer.save_arrays()
    answer.stage("reading the frozen layers")
    read(job, again, answer, "frozen", updatable=False)


def keep(answer: Answer, prefix: str, arrays: dict[str, Any]) -> None:
    """Put arrays into the answer under names that begin with `prefix`."""
    answer.arrays |= {f"{prefix}.{name}": array for name, array in arrays.items()}


def read(job: Any, model: Any, answer: Answer, prefix: str, updatable: bool) -> None:
    """Keep the weights that Core ML gives; whether it does of frozen layers is not documented."""
    found, missing = weights(job, model, updatable)
    keep(answer, prefix, found)
    answer.found["troubles"] += [f"{prefix}: {each}" for each in missing]


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # without the interpreter's farewell: Core ML's queue may still be alive
