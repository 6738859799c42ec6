"""The models on disk, and the one update task."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import Any

from CoreML import (
    MLArrayBatchProvider,
    MLComputeUnitsCPUOnly,
    MLMetricKey,
    MLModel,
    MLModelConfiguration,
    MLParameterKey,
    MLTaskStateCompleted,
    MLUpdateProgressEventEpochEnd,
    MLUpdateProgressEventMiniBatchEnd,
    MLUpdateProgressEventTrainingBegin,
    MLUpdateProgressHandlers,
    MLUpdateTask,
)
from Foundation import NSDate, NSDictionary, NSFileManager, NSNumber, NSRunLoop

from converter.device.worker.bridge import CoreMLError, describe, need, url
from converter.device.worker.reading import weights

COMPUTE_UNITS = "CPU only"

SLICE = 0.05
"""Seconds to wait at a time, before the main queue has its turn."""


def configuration(parameters: Any) -> Any:
    """Return the settings of a model or a task: CPU only, hyperparameters as ordered."""
    keys = {
        "epochs": MLParameterKey.epochs,
        "miniBatchSize": MLParameterKey.miniBatchSize,
        "shuffle": MLParameterKey.shuffle,
    }
    made = MLModelConfiguration.alloc().init()
    made.setComputeUnits_(MLComputeUnitsCPUOnly)
    values = {
        keys[name](): NSNumber.numberWithBool_(value)
        if isinstance(value, bool)
        else NSNumber.numberWithLongLong_(value)
        for name, value in parameters.items()
    }
    if values:
        made.setParameters_(NSDictionary.dictionaryWithDictionary_(values))
    return made


def compiled(folder: Path) -> Path:
    """Compile the model and move the result into `folder`: Core ML's own place is temporary."""
    made = MLModel.compileModelAtURL_error_(url(folder / "model.mlmodel"), None)
    place = need(made, "the model could not be compiled").path()
    return Path(shutil.move(place, folder / "model.mlmodelc"))


def load(path: Path) -> Any:
    """Return a compiled model."""
    settings = configuration({})
    loaded = MLModel.modelWithContentsOfURL_configuration_error_(url(path), settings, None)
    return need(loaded, "the model could not be loaded")


def save(model: Any, target: Path) -> None:
    """Write `model` as an app does: beside its place, loaded there once, then put in its place."""
    fresh = target.parent / "fresh" / target.name
    fresh.mkdir(parents=True, exist_ok=True)
    need(model.writeToURL_error_(url(fresh), None), "the updated model could not be written")
    load(fresh)
    manager = NSFileManager.defaultManager()
    if not target.exists():
        moved = manager.moveItemAtURL_toURL_error_(url(fresh), url(target), None)
        need(moved, "the updated model could not be moved to its place")
        return
    done, _, error = (
        manager.replaceItemAtURL_withItemAtURL_backupItemName_options_resultingItemURL_error_(
            url(target), url(fresh), None, 0, None, None
        )
    )
    need((done, error), "the updated model could not take the place of the one before")


class Update:
    """What the handlers of one task see. They may run on any queue, the main one too.

    An exception that left a handler would become an Objective-C one and end the process. What goes
    wrong while something is only looked at is one of the `troubles`, and does not end the update.
    """

    def __init__(self, job: Any) -> None:
        self.job = job
        self.done = threading.Event()
        self.told: list[dict[str, Any]] = []
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}
        self.model: Any = None
        self.completed = False
        self.error: str | None = None
        self.troubles: list[str] = []

    def on_progress(self, context: Any) -> None:
        """Keep the weights at the beginning, and every loss that is told."""
        try:
            event = context.event()
            if event == MLUpdateProgressEventTrainingBegin:
                self.before, missing = weights(self.job, context.model(), updatable=True)
                self.troubles += [f"when training began, {each}" for each in missing]
            elif event == MLUpdateProgressEventMiniBatchEnd:
                self.tell("mini-batch end", context)
            elif event == MLUpdateProgressEventEpochEnd:
                self.tell("epoch end", context)
                self.change_rate(context)
        except BaseException as error:
            self.troubles.append(f"in the progress handler: {error!r}")

    def on_completion(self, context: Any) -> None:
        """Keep the updated model and its weights."""
        try:
            self.completed = context.task().state() == MLTaskStateCompleted
            error = context.task().error()
            if error is not None:
                raise CoreMLError(describe(error))
            self.model = context.model()
            self.after, missing = weights(self.job, self.model, updatable=True)
            self.troubles += [f"when training had ended, {each}" for each in missing]
            self.tell("completion", context)
        except BaseException as error:
            self.error = self.error or f"{error}"
        finally:
            self.done.set()

    def tell(self, event: str, context: Any) -> None:
        """Keep the loss that Core ML tells at `event`, in which epoch and which mini-batch."""
        found: dict[str, Any] = dict.fromkeys(("epoch", "mini_batch", "loss"))
        found["event"] = event
        self.told.append(found)
        try:
            metrics = context.metrics()
            for name, key, kind in (
                ("epoch", MLMetricKey.epochIndex(), int),
                ("mini_batch", MLMetricKey.miniBatchIndex(), int),
                ("loss", MLMetricKey.lossValue(), float),
            ):
                value = metrics.objectForKey_(key)
                found[name] = None if value is None else kind(value)
        except Exception as error:
            self.troubles.append(f"at the {event}, the loss could not be read: {error!r}")

    def change_rate(self, context: Any) -> None:
        """After the first epoch, go on with another learning rate if the job says so."""
        rate = self.job.get("later_rate")
        if rate is not None and [told["event"] for told in self.told].count("epoch end") == 1:
            values = {MLParameterKey.learningRate(): NSNumber.numberWithDouble_(rate)}
            changed = NSDictionary.dictionaryWithDictionary_(values)
            context.task().resumeWithParameters_(changed)


def updated(job: Any, path: Path, training: Any) -> Update:
    """Run the task to its end."""
    update, settings = Update(job), configuration(job["parameters"])
    batch = MLArrayBatchProvider.alloc().initWithFeatureProviderArray_(training)
    handlers = MLUpdateProgressHandlers.alloc().initForEvents_progressHandler_completionHandler_(
        MLUpdateProgressEventTrainingBegin
        | MLUpdateProgressEventMiniBatchEnd
        | MLUpdateProgressEventEpochEnd,
        update.on_progress,
        update.on_completion,
    )
    created = (
        MLUpdateTask.updateTaskForModelAtURL_trainingData_configuration_progressHandlers_error_(
            url(path), batch, settings, handlers, None
        )
    )
    task = need(created, "the update task could not be made")
    task.resume()
    if not ended(update.done, job["timeout"]):  # the parent ends us earlier, if there still is one
        task.cancel()
        update.error = f"the update did not end within {job['timeout']:g} s"
    return update


def ended(done: threading.Event, seconds: float) -> bool:
    """Wait until `done` is set, and say whether it is.

    On which queue the handlers are called is not documented. If it is the main queue, only the
    main thread's run loop serves it, so that gets a turn after every slice.
    """
    end = time.monotonic() + seconds
    while not done.wait(SLICE):
        if time.monotonic() >= end:
            return False
        until = NSDate.dateWithTimeIntervalSinceNow_(SLICE)
        NSRunLoop.mainRunLoop().runUntilDate_(until)
    return True
