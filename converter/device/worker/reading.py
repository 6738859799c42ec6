"""What a model knows: its weights, and what it predicts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from CoreML import MLFeatureTypeDictionary, MLFeatureTypeMultiArray, MLParameterKey

from converter.device.worker.bridge import copied, need


def weights(job: Any, model: Any, updatable: bool) -> tuple[dict[str, Any], list[str]]:
    """Return the weights of some layers, and a sentence on each that Core ML does not give.

    They are copies, flat, by number of the layer and key.
    """
    found: dict[str, Any] = {}
    missing = []
    for number, layer in enumerate(job["layers"]):
        for name in layer["keys"] if layer["updatable"] == updatable else ():
            try:
                found[f"{number}.{name}"] = parameter(model, layer["path"], name)
            except Exception as error:  # Objective-C's exceptions are no CoreMLError
                missing.append(f"{name} of layer '{layer['path'][-1]}' could not be read: {error}")
    return found, missing


def parameter(model: Any, path: list[str], name: str) -> Any:
    """Return a copy of the weights or the biases of the layer that `path` leads to."""
    key = {"weights": MLParameterKey.weights, "biases": MLParameterKey.biases}[name]()
    for scope in path:
        key = key.scopedTo_(scope)
    return copied(need(model.parameterValueForKey_error_(key, None), "no value"))


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
                absent = job.get("absent_share", math.nan)
                numbers = np.array([shares.get(label, absent) for label in job["labels"]])
            else:
                continue
            found.setdefault(str(number), []).append(numbers)
    return {number: np.stack(rows) for number, rows in found.items()}
