"""The models on disk, and the one update task."""

from __future__ import annotations

import shutil
import threading
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
    MLUpdateProgressEventTrainingBegin,
    MLUpdateProgressHandlers,
    MLUpdateTask,
)
from Foundation import NSDictionary, NSNumber

from converter.device.worker.bridge import CoreMLError, describe, need, url
from converter.device.worker.reading import weights


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


class Update:
    """What the handlers of one task see. They run on a queue of Core ML's own.

    An exception that left a handler would become an Objective-C one and end the process.
    """

    def __init__(self, job: Any) -> None:
        self.job = job
        self.done = threading.Event()
        self.losses: list[float] = []
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}
        self.model: Any = None
        self.completed = False
        self.error: str | None = None

    def on_progress(self, context: Any) -> None:
        """Keep the weights at the beginning, and the loss of every epoch."""
        try:
            if context.event() == MLUpdateProgressEventTrainingBegin:
                self.before = weights(self.job, context.model(), updatable=True)
            elif context.event() == MLUpdateProgressEventEpochEnd:
                loss = context.metrics().objectForKey_(MLMetricKey.lossValue())
                self.losses.append(float(loss))
        except BaseException as error:
            self.error = self.error or f"in the progress handler: {error}"

    def on_completion(self, context: Any) -> None:
        """Keep the updated model and its weights."""
        try:
            self.completed = context.task().state() == MLTaskStateCompleted
            error = context.task().error()
            if error is not None:
                raise CoreMLError(describe(error))
            self.model = context.model()
            self.after = weights(self.job, self.model, updatable=True)
        except BaseException as error:
            self.error = self.error or f"{error}"
        finally:
            self.done.set()


def updated(job: Any, path: Path, training: Any) -> Update:
    """Run the task to its end."""
    update, settings = Update(job), configuration(job["parameters"])
    batch = MLArrayBatchProvider.alloc().initWithFeatureProviderArray_(training)
    handlers = MLUpdateProgressHandlers.alloc().initForEvents_progressHandler_completionHandler_(
        MLUpdateProgressEventTrainingBegin | MLUpdateProgressEventEpochEnd,
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
    if not update.done.wait(job["timeout"]):  # the parent ends us earlier, if there still is one
        task.cancel()
        update.error = f"the update did not end within {job['timeout']:g} s"
    return update
