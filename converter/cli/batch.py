"""Several recipes at once, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from converter.cli.failure import explain
from converter.cli.terminal import Job, Progress
from converter.errors import EXIT_ERROR
from converter.recipe import Recipe

if TYPE_CHECKING:
    from converter.conversion.report import Report


@dataclass(frozen=True)
class Outcome:
    """What came of one recipe: a report, or an error and its exit code."""

    report: Report | None
    error: str = ""
    exit_code: int = 0


def convert_all(
    recipes: Sequence[Recipe], processes: int, progress: Progress, dry_run: bool = False
) -> list[Outcome]:
    """Convert `recipes`, at most `processes` at the same time; return what came of each, in order.

    Interrupted, it ends the processes; they remove what they had half written.
    """
    context = multiprocessing.get_context("spawn")
    messages = context.SimpleQueue()
    jobs = [progress.job(recipe.destination().name) for recipe in recipes]
    listener = threading.Thread(target=_listen, args=(messages, jobs), daemon=True)
    listener.start()
    with ProcessPoolExecutor(
        min(processes, len(recipes)), context, initializer=_begin, initargs=(messages,)
    ) as pool:
        futures = [
            pool.submit(_convert, index, recipe, dry_run) for index, recipe in enumerate(recipes)
        ]
        try:
            for future in as_completed(futures):
                jobs[futures.index(future)].finish(_word(future))
        except KeyboardInterrupt as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            ended = [future for future in futures if future.done() and not future.cancelled()]
            done = sum(future.exception() is None for future in ended)
            raise KeyboardInterrupt(f"{done} of {len(futures)} done" if done else "") from error
        finally:
            messages.put(None)
            listener.join()
    return [_outcome(future) for future in futures]


def _listen(messages: Any, jobs: Sequence[Job]) -> None:
    """Show the steps that the processes report, until None comes."""
    while (message := messages.get()) is not None:
        index, step, seconds = message
        if seconds is None:
            jobs[index].begin(step)
        else:
            jobs[index].end(step, seconds)


def _outcome(future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        message = "a process was killed, perhaps for want of memory; try again with --jobs 1"
        return Outcome(None, message, EXIT_ERROR)


def _word(future: Future[Outcome]) -> str:
    return "done" if _outcome(future).report else "failed"


_messages: Any = None
_working = False


def _begin(messages: Any) -> None:
    """Prepare a process: it listens to its parent, not to the keyboard."""
    global _messages
    _messages = messages
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)


def _stop(*_: object) -> None:
    if not _working:
        os._exit(0)
    raise KeyboardInterrupt  # unwinds the conversion, which removes its temporary file


@contextmanager
def _reported(index: int, step: str) -> Iterator[None]:
    started = time.perf_counter()
    _messages.put((index, step, None))
    yield
    _messages.put((index, step, time.perf_counter() - started))


def _convert(index: int, recipe: Recipe, dry_run: bool) -> Outcome:
    global _working
    _working = True
    from converter import keras_file

    try:
        with _reported(index, "start"):
            keras_file.prepare()
            from converter.conversion.story import convert_file

        report = convert_file(recipe, lambda step: _reported(index, step), dry_run=dry_run)
        return Outcome(report)
    except KeyboardInterrupt:
        os._exit(0)  # the queue of work may be locked for ever by a process that waited for it
    except Exception as error:
        return Outcome(None, *explain(error))
    finally:
        _working = False
