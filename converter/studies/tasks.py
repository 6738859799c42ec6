"""What a worker of Dask holds and does: the task of a study, and its blocks of users.

The scheduler imports this file, too, so nothing here loads TensorFlow before a block is computed.
"""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

import distributed

from converter.studies.people import User
from converter.studies.store import Result
from converter.versions import VERSION

if TYPE_CHECKING:
    from converter.studies.work import Task, Worker

THREADS = (
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)  # fmt: skip
ONE_THREAD = {**dict.fromkeys(THREADS, "1"), "TF_CPP_MIN_LOG_LEVEL": "3"}
"""The environment of a worker: there is one for each core, and it shall not fight for others."""

_given: dict[str, bytes] = {}
"""By the name of the study, its task."""

_workers: dict[str, Worker] = {}
"""By the name of the study, what computes its blocks."""

_building = Lock()


class Given(distributed.WorkerPlugin):  # type: ignore[misc]
    """Gives each worker the task once, and again to one that takes the place of a killed one."""

    def __init__(self, name: str, task: Task) -> None:
        self.name, self._task = name, pickle.dumps(task)

    def setup(self, worker: Any) -> None:
        """Hear that a worker has started."""
        _given[self.name] = self._task

    def teardown(self, worker: Any) -> None:
        """Hear that the study has ended."""
        _given.pop(self.name, None)
        _workers.pop(self.name, None)


def version() -> str:
    """Return the version of this tool on a worker."""
    return VERSION


def compute(name: str, users: Sequence[User]) -> list[Result]:
    """Return the results of a block of users of the study `name`."""
    return _worker(name).run(users)


def _worker(name: str) -> Worker:
    """Return what computes the blocks of a study, made for the first one."""
    with _building:
        if name not in _workers:
            _one_thread()
            from converter.studies.work import Worker

            _workers[name] = Worker(pickle.loads(_given[name]))
        return _workers[name]


def _one_thread() -> None:
    """Let TensorFlow compute each operation in one thread."""
    for variable, value in ONE_THREAD.items():
        os.environ.setdefault(variable, value)
    from converter.errors import TrainingError
    from converter.runtime.stacked import limit_threads

    with contextlib.suppress(TrainingError):  # by an earlier study it is so already
        limit_threads(1)
