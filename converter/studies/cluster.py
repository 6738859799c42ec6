"""Blocks of users as tasks of Dask distributed: on this machine's cores, or on a cluster."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.errors import MissingDependencyError, TrainingError, UsageError, install, reason
from converter.studies.people import User
from converter.studies.store import Result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from converter.studies.work import Task

try:
    import dask
    import distributed
except ImportError as error:
    raise MissingDependencyError(f"a study needs Dask; {install('study')}") from error

from converter.studies.tasks import ONE_THREAD, Given, compute, version
from converter.versions import VERSION

SECONDS_TO_CONNECT = 15
SECONDS_FOR_WORKERS = 60

AHEAD = 2
"""Blocks for each worker that are sent before the first is done: no worker waits for the next, and
the scheduler holds no more than that."""


@dataclass(frozen=True)
class Where:
    """Where to compute.

    Attributes:
        scheduler: address of a running scheduler, such as ``tcp://host:8786``.
        scheduler_file: the file in which a scheduler has written its address.
        workers: processes on this machine, if there is no scheduler; by default one for each core.
        memory_limit: what a worker may take, such as "2GB"; by default its part of the memory.
    """

    scheduler: str | None = None
    scheduler_file: Path | None = None
    workers: int | None = None
    memory_limit: str | None = None

    @property
    def most_bytes(self) -> int | None:
        """What a worker may take in bytes, None if nobody says.

        Raises:
            UsageError: it is no amount of memory.
        """
        if self.memory_limit is None:
            return None
        try:
            found = int(dask.utils.parse_bytes(self.memory_limit))
        except (ValueError, OverflowError):
            found = 0
        if found < LEAST_MEMORY:
            raise UsageError(
                f"--memory-limit: {self.memory_limit!r} is no amount of memory that a worker can "
                "do with; give 1GB or more"
            )
        return found


LEAST_MEMORY = 10**9
"""Bytes: TensorFlow alone takes 0.6 GB."""


@contextlib.contextmanager
def connected(where: Where) -> Iterator[Any]:
    """Yield a client of Dask: of the scheduler that `where` names, or of workers on this machine.

    Raises:
        UsageError: there is no such scheduler, or it has no workers.
    """
    quiet = {"distributed.worker.memory.terminate": 0.95, "distributed.admin.tick.limit": "1h"}
    with dask.config.set(quiet), warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.filterwarnings("ignore", category=distributed.versions.VersionMismatchWarning)
        if where.scheduler or where.scheduler_file:
            client = _client(where)
        else:
            cluster = _started(where)
            stack.enter_context(cluster)
            client = distributed.Client(cluster)
        stack.enter_context(client)
        yield client


def _started(where: Where) -> Any:
    """Return workers that have been started on this machine."""
    with _no_interrupt():
        return distributed.LocalCluster(
            n_workers=where.workers or _cores(),
            threads_per_worker=1,
            memory_limit=where.most_bytes or "auto",
            dashboard_address="127.0.0.1:0",
            env=ONE_THREAD,
            silence_logs=logging.CRITICAL,
        )


@contextlib.contextmanager
def _no_interrupt() -> Iterator[None]:
    """Let threads and processes that are started in the block not hear of ^C, nor theirs.

    A terminal tells all processes of it, and each worker would print where it was. This process
    hears of it after the block.
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    resource_tracker.ensure_running()  # started later, it would undo it in the thread that does
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _client(where: Where) -> Any:
    """Return the client of a running scheduler that has workers."""
    name = where.scheduler or str(where.scheduler_file)
    address = where.scheduler or _address(where.scheduler_file)
    try:
        client = distributed.Client(address, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the scheduler {name} cannot be reached; give the address that it printed, such as "
            "tcp://host:8786"
        ) from error
    try:
        client.wait_for_workers(1, timeout=SECONDS_FOR_WORKERS)
    except TimeoutError as error:
        client.close()
        raise UsageError(
            f"the scheduler {name} has no workers; start some: dask worker {name}"
        ) from error
    try:
        _check_versions(client)
    except BaseException:
        client.close()
        raise
    return client


def _check_versions(client: Any) -> None:
    """Refuse workers that have another version of this tool, or none."""
    try:
        found = client.run(version)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"the workers lack make-updatable, or this version of it ({VERSION}); install it there"
        ) from error
    other = next((each for each in found.values() if each != VERSION), None)
    if other is not None:
        raise UsageError(
            f"a worker has make-updatable {other}, and this is {VERSION}; install the same there"
        )


def _address(file: Path | None) -> str:
    """Return the address that a scheduler has written to `file`."""
    assert file is not None
    try:
        return str(json.loads(file.read_bytes())["address"])
    except OSError as error:
        raise UsageError(
            f"--scheduler-file {file}: cannot be read ({reason(error)}); start the scheduler first"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"--scheduler-file {file}: is not what a scheduler of Dask writes; it holds no address"
        ) from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def computed(
    client: Any, name: str, task: Task, blocks: Iterable[Sequence[User]]
) -> Iterator[list[Result]]:
    """Yield the results of each of `blocks`, in the order in which they are done.

    A block whose worker is killed runs again, in another one.

    Raises:
        TrainingError: workers were killed at one block again and again.
        MakeUpdatableError: a block cannot be computed.
    """
    client.register_plugin(Given(name, task), name=name)
    remaining = iter(blocks)
    try:
        running = distributed.as_completed(
            [_submitted(client, name, users) for users in _first(client, remaining)]
        )
        for future in running:
            try:
                yield future.result()
            except distributed.KilledWorker as error:
                raise TrainingError(
                    "workers were killed again and again, most likely for want of memory; start "
                    "fewer of them, or lower --memory-limit, by which blocks are made smaller"
                ) from error
            for users in remaining:
                running.add(_submitted(client, name, users))
                break
    finally:
        with contextlib.suppress(Exception):  # the cluster may be gone
            client.unregister_worker_plugin(name)


def _first(client: Any, remaining: Iterator[Sequence[User]]) -> Iterator[Sequence[User]]:
    count = AHEAD * max(1, sum(client.nthreads().values()))
    for _, users in zip(range(count), remaining, strict=False):
        yield users


def _submitted(client: Any, name: str, users: Sequence[User]) -> Any:
    return client.submit(compute, name, users, pure=False)
