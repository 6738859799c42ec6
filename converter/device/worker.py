"""One Core ML update, in a process of its own: ``python -m converter.device.worker FOLDER``.

Core ML may end the process instead of returning an error, so the parent keeps out of it. This is
the only module that imports pyobjc, and it imports nothing of the package. It reads what
`converter.device.job` has written, and answers in ``answer.json``, rewritten at every stage so that
the parent knows how far it came, and ``arrays.npz``.
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import objc
from CoreML import (
    MLArrayBatchProvider,
    MLComputeUnitsCPUOnly,
    MLDictionaryFeatureProvider,
    MLFeatureTypeDictionary,
    MLFeatureTypeMultiArray,
    MLFeatureValue,
    MLMetricKey,
    MLModel,
    MLModelConfiguration,
    MLMultiArray,
    MLParameterKey,
    MLTaskStateCompleted,
    MLUpdateProgressEventEpochEnd,
    MLUpdateProgressEventTrainingBegin,
    MLUpdateProgressHandlers,
    MLUpdateTask,
)
from Foundation import NSURL, NSArray, NSDictionary, NSNumber
from numpy.lib.stride_tricks import as_strided

DTYPES = {65552: "<f2", 65568: "<f4", 65600: "<f8", 131104: "<i4"}
"""``MLMultiArrayDataType`` -> NumPy's."""

PREDICTED_SAMPLES = 8


class CoreMLError(Exception):
    """Core ML has returned an error, or nothing where there should be something."""


class Answer:
    """What the parent reads: the stage, what was seen, and arrays by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: dict[str, Any] = {
            "error": None,
            "system": f"macOS {platform.mac_ver()[0]} {platform.machine()}",
            "pyobjc": objc.__version__,
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


def need(pair: tuple[Any, Any], what: str) -> Any:
    """Return the result of a call that gives (result, NSError), if there is one.

    A nil result without an error happens too: https://github.com/apple/coremltools/issues/913
    """
    result, error = pair
    if error is not None:
        raise CoreMLError(f"{what}: {describe(error)}")
    if result is None or result is False:
        raise CoreMLError(f"{what}: Core ML returned nothing, and no error")
    return result


def describe(error: Any) -> str:
    """Return an NSError in one line."""
    return f"{error.localizedDescription()} ({error.domain()} {error.code()})"


def url(path: Path) -> Any:
    """Return a file URL."""
    return NSURL.fileURLWithPath_(str(path))


# Arrays


def multi_array(values: Any, dtype: int) -> Any:
    """Return `values` as an ``MLMultiArray`` of the same shape."""
    shape = NSArray.arrayWithArray_([NSNumber.numberWithLongLong_(n) for n in values.shape])
    created = MLMultiArray.alloc().initWithShape_dataType_error_(shape, dtype, None)
    array = need(created, "an array could not be made")
    view(array)[...] = values
    return array


def view(array: Any) -> Any:
    """Return the memory of an ``MLMultiArray``, by its own strides; valid as long as it lives."""
    shape = [int(n) for n in array.shape()]
    strides = [int(n) for n in array.strides()]
    dtype = np.dtype(DTYPES[int(array.dataType())])
    span = 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    memory = array.dataPointer().as_buffer(span * dtype.itemsize)
    flat = np.frombuffer(memory, dtype, span)
    return as_strided(flat, shape, [step * dtype.itemsize for step in strides])


def copied(array: Any) -> Any:
    """Return the values of an ``MLMultiArray``, flat, in memory of their own."""
    return np.array(view(array)).ravel()


# Samples


def feature_value(job: Any, folder: Path, number: int, sample: int, values: Any, model: Any) -> Any:
    """Return one feature of one sample, of the kind that the file declares."""
    feature = job["features"][number]
    if feature["kind"] == "multiArray":
        array = multi_array(values[sample], feature["dtype"])
        return MLFeatureValue.featureValueWithMultiArray_(array)
    if feature["kind"] == "int64":
        return MLFeatureValue.featureValueWithInt64_(int(values[sample]))
    if feature["kind"] == "string":
        return MLFeatureValue.featureValueWithString_(str(values[sample]))
    described = model.modelDescription().trainingInputDescriptionsByName()
    constraint = described.objectForKey_(feature["name"]).imageConstraint()
    picture = url(folder / f"image.{number}.{sample}.png")
    loaded = MLFeatureValue.featureValueWithImageAtURL_constraint_options_error_(
        picture, constraint, None, None
    )
    return need(loaded, f"image {sample} could not be read")


def providers(job: Any, folder: Path, model: Any, training: bool) -> list[Any]:
    """Return the samples as feature providers, with their answers if they are for training."""
    with np.load(folder / "samples.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    chosen = [n for n, f in enumerate(job["features"]) if training or f["is_input"]]
    count = job["count"] if training else min(job["count"], PREDICTED_SAMPLES)
    found = []
    for sample in range(count):
        values = {
            job["features"][n]["name"]: feature_value(
                job, folder, n, sample, arrays.get(f"feature.{n}"), model
            )
            for n in chosen
        }
        features = NSDictionary.dictionaryWithDictionary_(values)
        made = MLDictionaryFeatureProvider.alloc().initWithDictionary_error_(features, None)
        found.append(need(made, f"sample {sample} could not be made"))
    return found


# What a model knows


def weights(job: Any, model: Any, updatable: bool) -> dict[str, Any]:
    """Return a copy of the weights of some layers, flat, by number of the layer and key."""
    found = {}
    for number, layer in enumerate(job["layers"]):
        if layer["updatable"] == updatable:
            for name in layer["keys"]:
                key = {"weights": MLParameterKey.weights, "biases": MLParameterKey.biases}[name]()
                for scope in layer["path"]:
                    key = key.scopedTo_(scope)
                array = need(
                    model.parameterValueForKey_error_(key, None),
                    f"{name} of layer '{layer['path'][-1]}' could not be read",
                )
                found[f"{number}.{name}"] = copied(array)
    return found


def predictions(job: Any, model: Any, samples: list[Any]) -> dict[str, Any]:
    """Return the outputs that are numbers, ``[samples, ...]``, by number of the output."""
    found: dict[str, list[Any]] = {}
    for sample in samples:
        result = need(model.predictionFromFeatures_error_(sample, None), "a prediction failed")
        for number, name in enumerate(job["outputs"]):
            value = result.featureValueForName_(name)
            if value.type() == MLFeatureTypeMultiArray:
                numbers = copied(value.multiArrayValue()).astype(np.float64)
            elif value.type() == MLFeatureTypeDictionary:
                by_label = value.dictionaryValue()
                shares = {str(k): float(by_label.objectForKey_(k)) for k in by_label.allKeys()}
                numbers = np.array([shares.get(label, math.nan) for label in job["labels"]])
            else:
                continue
            found.setdefault(str(number), []).append(numbers)
    return {number: np.stack(rows) for number, rows in found.items()}


# The update


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


def load(path: Path) -> Any:
    """Return a compiled model."""
    settings = configuration({})
    loaded = MLModel.modelWithContentsOfURL_configuration_error_(url(path), settings, None)
    return need(loaded, "the model could not be loaded")


def compiled(folder: Path) -> Path:
    """Compile the model and move the result into `folder`: Core ML's own place is temporary."""
    made = MLModel.compileModelAtURL_error_(url(folder / "model.mlmodel"), None)
    place = need(made, "the model could not be compiled").path()
    return Path(shutil.move(place, folder / "model.mlmodelc"))


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
    answer.found |= {"completed": update.completed, "losses": update.losses, "error": update.error}
    keep(answer, "before", update.before)
    keep(answer, "after", update.after)
    if update.model is None:
        return
    answer.stage("predicting after the update")
    keep(answer, "predicted.after", predictions(job, update.model, samples))
    answer.stage("writing the updated model")
    target = folder / "updated.mlmodelc"
    written = update.model.writeToURL_error_(url(target), None)
    need(written, "the updated model could not be written")
    answer.stage("reading the updated model")
    again = load(target)
    keep(answer, "reloaded", weights(job, again, updatable=True))
    keep(answer, "predicted.reloaded", predictions(job, again, samples))
    answer.save_arrays()
    answer.stage("reading the frozen layers")
    read_frozen(job, again, answer)


def keep(answer: Answer, prefix: str, arrays: dict[str, Any]) -> None:
    """Put arrays into the answer under names that begin with `prefix`."""
    answer.arrays |= {f"{prefix}.{name}": array for name, array in arrays.items()}


def read_frozen(job: Any, model: Any, answer: Answer) -> None:
    """Read the weights of frozen layers too; whether Core ML hands them out is not documented."""
    try:
        keep(answer, "frozen", weights(job, model, updatable=False))
    except CoreMLError as error:
        answer.found["frozen_error"] = str(error)


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


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # without the interpreter's farewell: Core ML's queue may still be alive
