"""Part of the stand-in for pyobjc: see ``objc.py`` beside this file.

An "update" adds 0.25 to all weights and a "prediction" is a constant. ``STAND_IN`` in the
environment makes it behave otherwise: ``abort``, ``hang``, ``error``, ``main queue`` (the handlers
are called where only the main run loop calls), ``secretive`` (no weights when training begins, none
of frozen layers, no losses but those of epochs), ``unreadable`` (what was written loads nowhere),
``trains`` (the models of a calibration, as ``dense.py`` has it), ``forgets`` (nearest neighbours
keep no sample).
"""

import ctypes
import os
import sys
import threading
from pathlib import Path

import numpy as np
from dense import Dense
from Foundation import MAIN_QUEUE, NSDictionary
from nearest import is_nearest, keep, votes
from objc import TABLE, Object

from converter.coreml import mlmodel
from converter.coreml.subject import subject
from converter.device.reference import stored_weights

globals().update(TABLE["constants"])
MODE = os.environ.get("STAND_IN")
CTYPES = {65568: ctypes.c_float, 65600: ctypes.c_double, 131104: ctypes.c_int32}


class NSError(Object):
    def localizedDescription(self):
        return "the stand-in was told to fail"

    def domain(self):
        return "com.apple.CoreML"

    def code(self):
        return 6


class Key(Object):
    def __init__(self, name, path=()):
        self._name, self._path = name, path

    def scopedTo_(self, name):
        return Key(self._name, (*self._path, name))


class MLParameterKey:
    pass


for _name in ("weights", "biases", "epochs", "miniBatchSize", "shuffle", "learningRate"):
    setattr(MLParameterKey, _name, staticmethod(lambda name=_name: Key(name)))


class MLMetricKey(Object):
    @classmethod
    def lossValue(cls):
        return "lossValue"

    @classmethod
    def epochIndex(cls):
        return "epochIndex"

    @classmethod
    def miniBatchIndex(cls):
        return "miniBatchIndex"


class Memory:
    def __init__(self, memory):
        self.memory = memory

    def as_buffer(self, size):
        assert size == ctypes.sizeof(self.memory)
        return memoryview(self.memory).cast("B")


class MLMultiArray(Object):
    def initWithShape_dataType_error_(self, shape, dtype, error):
        self._shape, self._dtype = list(shape), dtype
        self._memory = (CTYPES[dtype] * int(np.prod(shape)))()
        return self, None

    @classmethod
    def _of(cls, values):
        array, _ = cls().initWithShape_dataType_error_(values.shape, 65568, None)
        np.frombuffer(array._memory, np.float32)[:] = values.ravel()
        return array

    def shape(self):
        return self._shape

    def strides(self):
        return [int(np.prod(self._shape[n + 1 :])) for n in range(len(self._shape))]

    def dataType(self):
        return self._dtype

    def dataPointer(self):
        return Memory(self._memory)


class MLFeatureValue(Object):
    def __init__(self, kind=0, value=None):
        self._kind, self._value = kind, value

    @classmethod
    def featureValueWithMultiArray_(cls, array):
        return cls(5, array)

    @classmethod
    def featureValueWithInt64_(cls, value):
        assert type(value) is int
        return cls(1, value)

    @classmethod
    def featureValueWithString_(cls, value):
        assert type(value) is str
        return cls(3, value)

    @classmethod
    def featureValueWithImageAtURL_constraint_options_error_(cls, url, constraint, options, error):
        assert Path(url.path()).read_bytes().startswith(b"\x89PNG")
        assert constraint == "constraint"
        return cls(4, url), None

    def type(self):
        return self._kind

    def multiArrayValue(self):
        return self._value

    def dictionaryValue(self):
        return self._value


class MLDictionaryFeatureProvider(Object):
    def initWithDictionary_error_(self, values, error):
        self._values = values
        return self, None


class Provider(Object):
    def __init__(self, values):
        self._values = values

    def featureValueForName_(self, name):
        return self._values[name]


class MLArrayBatchProvider(Object):
    def initWithFeatureProviderArray_(self, values):
        self._values = values
        return self


class MLModelConfiguration(Object):
    def setComputeUnits_(self, units):
        assert units == 0

    def setParameters_(self, values):
        assert all(isinstance(values.objectForKey_(key), int) for key in values.allKeys())
        self._values = {key._name: values.objectForKey_(key) for key in values.allKeys()}


class Description(Object):
    def isUpdatable(self):
        return True

    def trainingInputDescriptionsByName(self):
        names = [feature.name for feature in self._spec.description.trainingInput]
        return NSDictionary.dictionaryWithDictionary_(dict.fromkeys(names, self))

    def imageConstraint(self):
        return "constraint"


class MLModel(Object):
    _is_training = False

    @classmethod
    def compileModelAtURL_error_(cls, url, error):
        target = Path(url.path()).with_name("elsewhere.mlmodelc")
        target.mkdir()
        (target / "model").write_bytes(Path(url.path()).read_bytes())
        return url.fileURLWithPath_(str(target)), None

    @classmethod
    def modelWithContentsOfURL_configuration_error_(cls, url, configuration, error):
        model = cls()
        if MODE == "unreadable" and "updated" in url.path():
            return None, NSError()
        model._spec = mlmodel.read(Path(url.path()) / "model")
        return model, None

    def modelDescription(self):
        made = Description()
        made._spec = self._spec
        return made

    def parameterValueForKey_error_(self, key, error):
        chosen = subject(self._spec)
        frozen = [layer.path for layer in chosen.layers() if not layer.is_updatable]
        if MODE == "secretive" and (self._is_training or key._path in frozen):
            raise RuntimeError("a secret")
        numbers = {layer.path: n for n, layer in enumerate(chosen.layers())}
        return MLMultiArray._of(stored_weights(chosen)[f"{numbers[key._path]}.{key._name}"]), None

    def predictionFromFeatures_error_(self, features, error):
        values = {}
        for feature in self._spec.description.output:
            if feature.type.WhichOneof("Type") == "dictionaryType":
                if is_nearest(self._spec):
                    shares = votes(self._spec, features._values)
                else:
                    shares = dict.fromkeys(subject(self._spec).labels, 0.5)
                by_label = NSDictionary.dictionaryWithDictionary_(shares)
                values[feature.name] = MLFeatureValue(6, by_label)
            elif feature.type.WhichOneof("Type") == "stringType":
                values[feature.name] = MLFeatureValue(3, "a label")
            else:
                values[feature.name] = MLFeatureValue(5, MLMultiArray._of(np.ones(2)))
        return Provider(values), None

    def writeToURL_error_(self, url, error):
        assert Path(url.path()).is_dir()
        mlmodel.write(self._spec, Path(url.path()) / "model")
        return True, None


class MLUpdateProgressHandlers(Object):
    def initForEvents_progressHandler_completionHandler_(self, events, progress, completion):
        assert events == 7
        self._progress, self._completion = progress, completion
        return self


class Context(Object):
    def __init__(self, task, model, event, epoch=None, mini_batch=None, loss=None):
        self._task, self._model, self._event = task, model, event
        found = {"epochIndex": epoch, "miniBatchIndex": mini_batch, "lossValue": loss}
        self._metrics = {key: value for key, value in found.items() if value is not None}

    def task(self):
        return self._task

    def model(self):
        return self._model

    def event(self):
        return self._event

    def metrics(self):
        if MODE == "secretive" and self._event != 2:
            return None
        return NSDictionary.dictionaryWithDictionary_(self._metrics)


def arrays(sample):
    """Return the features of a sample that are arrays, as NumPy has them, by name."""
    given = sample._values
    return {name: np.array(given.objectForKey_(name)._value._memory) for name in given.allKeys()}


class MLUpdateTask(Object):
    @classmethod
    def updateTaskForModelAtURL_trainingData_configuration_progressHandlers_error_(
        cls, url, batch, configuration, handlers, error
    ):
        task = cls()
        task._model, _ = MLModel.modelWithContentsOfURL_configuration_error_(url, None, None)
        task._handlers = handlers
        task._batch, task._told = batch._values, getattr(configuration, "_values", {})
        return task, None

    def resume(self):
        threading.Thread(target=self._run).start()

    def cancel(self):
        pass

    def state(self):
        return 5 if self.error() else 4

    def error(self):
        return NSError() if MODE == "error" else None

    def resumeWithParameters_(self, values):
        (key,) = values.allKeys()
        assert (key._name, type(values.objectForKey_(key))) == ("learningRate", float)
        self._told["learningRate"] = values.objectForKey_(key)
        if MODE == "trains":
            self._dense.rate = values.objectForKey_(key)

    def _run(self):
        if MODE == "abort":
            print("libc++abi: terminating due to a stand-in", file=sys.stderr, flush=True)
            os.abort()
        if MODE == "hang":
            threading.Event().wait()  # for ever
        if MODE == "main queue":
            MAIN_QUEUE.append(self._train)
        else:
            self._train()

    def _keep(self):
        """Keep the samples; of that nothing is told before the end."""
        changed = MLModel()
        changed._spec = type(self._model._spec)()
        changed._spec.CopyFrom(self._model._spec)
        if MODE != "forgets":
            keep(changed._spec, [sample._values for sample in self._batch])
        self._handlers._completion(Context(self, changed, 0))

    def _train(self):
        if is_nearest(self._model._spec):
            self._keep()
            return
        update = subject(self._model._spec).net.updateParams
        optimizer = getattr(update.optimizer, update.optimizer.WhichOneof("OptimizerType"))
        epochs = self._told.get("epochs", update.epochs.defaultValue)
        size = self._told.get("miniBatchSize", optimizer.miniBatchSize.defaultValue)
        self._model._is_training = True
        if MODE == "trains":
            self._dense = Dense(self._model._spec, [arrays(sample) for sample in self._batch])
        self._handlers._progress(Context(self, self._model, 1))
        for epoch in range(epochs):
            for number in range(-(-len(self._batch) // size)):
                part = slice(number * size, (number + 1) * size)
                loss = self._dense.step(part) if MODE == "trains" else 1.5 - epoch - number / 4
                self._handlers._progress(Context(self, self._model, 4, epoch, number, loss))
            self._handlers._progress(Context(self, self._model, 2, epoch, None, loss))
        changed = MLModel()
        changed._spec = type(self._model._spec)()
        changed._spec.CopyFrom(self._model._spec)
        step = np.float32(self._told.get("learningRate", 0.25))
        for layer in subject(changed._spec).layers():
            for key in layer.keys if layer.is_updatable else ():
                mlmodel.set_floats(layer.stored(key), mlmodel.floats(layer.stored(key)) + step)
        if MODE == "trains":
            self._dense.write_back(changed._spec)
        self._handlers._completion(Context(self, changed, 0, loss=loss))
