"""The order to the child process: a folder with the model, ``job.json`` and the samples.

``samples.npz`` holds arrays and labels by the number of the feature; images are PNG files of
exactly the size that the model asks for, so that Core ML has nothing to scale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter.coreml import mlmodel
from converter.coreml.features import array_shape
from converter.coreml.mlmodel import FeatureTypes_pb2, Message
from converter.coreml.subject import Subject
from converter.device.batch import Array, Batch
from converter.device.png import png
from converter.errors import DataError

LARGEST_BATCH = 32

DTYPES = {
    FeatureTypes_pb2.ArrayFeatureType.FLOAT16: np.float16,
    FeatureTypes_pb2.ArrayFeatureType.FLOAT32: np.float32,
    FeatureTypes_pb2.ArrayFeatureType.DOUBLE: np.float64,
    FeatureTypes_pb2.ArrayFeatureType.INT32: np.int32,
}
"""Data type in the file -> NumPy's. The numbers are those of ``MLMultiArrayDataType``."""


@dataclass(frozen=True)
class Settings:
    """The hyperparameters of the pass, within what the file allows."""

    epochs: int
    batch_size: int

    def parameters(self) -> dict[str, int | bool]:
        """Return them by the names of ``MLParameterKey``."""
        return {"epochs": self.epochs, "miniBatchSize": self.batch_size, "shuffle": False}


def settings(subject: Subject, most: int = LARGEST_BATCH) -> Settings:
    """Return one epoch over one mini-batch, or as near to that as the file allows.

    The mini-batch is the largest allowed one of up to `most` samples (but no more than
    `LARGEST_BATCH`), else the smallest.
    """
    update = subject.net.updateParams
    optimizer = getattr(update.optimizer, update.optimizer.WhichOneof("OptimizerType"))
    batch_size = _nearest(optimizer.miniBatchSize, min(most, LARGEST_BATCH))
    return Settings(_nearest(update.epochs, 1), batch_size)


def _nearest(parameter: Message, wanted: int) -> int:
    """Return the largest allowed value up to `wanted`, else the smallest one above."""
    kind = parameter.WhichOneof("AllowedValues")
    if kind == "range":
        low, high = int(parameter.range.minValue), int(parameter.range.maxValue)
        return max(low, min(wanted, high))
    values = sorted(parameter.set.values) if kind == "set" else []
    if not values:
        return max(1, int(parameter.defaultValue))
    below = [value for value in values if 1 <= value <= wanted]
    return int(below[-1] if below else values[0])


def write(folder: Path, subject: Subject, batch: Batch, chosen: Settings, timeout: float) -> None:
    """Write everything the child needs into `folder`.

    Raises:
        DataError: a value does not fit the feature it is for.
    """
    mlmodel.write(subject.model, folder / "model.mlmodel")
    features, arrays = [], {}
    for number, (feature, values) in enumerate(_training_inputs(subject, batch)):
        described = describe(feature, is_input=feature.name in batch.inputs)
        features.append(described)
        if described["kind"] == "image":
            for sample, pixels in enumerate(values):
                (folder / image_name(number, sample)).write_bytes(png(pixels))
        else:
            arrays[f"feature.{number}"] = _typed(feature, described, values)
    np.savez(folder / "samples.npz", **arrays)  # type: ignore[arg-type]
    (folder / "job.json").write_text(
        json.dumps(_order(subject, batch, chosen, features, timeout), indent=1)
    )


def image_name(feature: int, sample: int) -> str:
    """Return the file name of one image."""
    return f"image.{feature}.{sample}.png"


def _order(
    subject: Subject, batch: Batch, chosen: Settings, features: list[Any], timeout: float
) -> dict[str, Any]:
    # Where a pipeline keeps its hyperparameters is not documented, so it runs with its own.
    parameters = {} if subject.scope else chosen.parameters()
    return {
        "count": len(batch),
        "timeout": timeout,
        "parameters": parameters,
        "features": features,
        "outputs": [feature.name for feature in subject.model.description.output],
        "labels": [str(label) for label in subject.labels or []],
        "layers": [
            {"path": layer.path, "keys": layer.keys, "updatable": layer.is_updatable}
            for layer in subject.layers()
        ],
    }


def _training_inputs(subject: Subject, batch: Batch) -> Iterator[tuple[Message, Array]]:
    for feature in subject.inputs:
        yield feature, batch.inputs[feature.name]
    target = subject.target
    kind = target.type.WhichOneof("Type")
    if subject.loss.is_classification and kind in ("stringType", "int64Type"):
        yield target, np.array([(subject.labels or [])[index] for index in batch.answers])
    elif subject.loss.is_classification:
        yield target, batch.answers.reshape(-1, *array_shape(target))
    else:
        yield target, batch.answers


def describe(feature: Message, is_input: bool) -> dict[str, Any]:
    """Return a feature as the child reads it."""
    kind = feature.type.WhichOneof("Type").removesuffix("Type")
    described = {"name": feature.name, "kind": kind, "is_input": is_input}
    if kind == "multiArray":
        described["shape"] = array_shape(feature)
        described["dtype"] = int(feature.type.multiArrayType.dataType)
    return described


def _typed(feature: Message, described: dict[str, Any], values: Array) -> Array:
    """Return `values` in the type of the feature: the array's, integers, or text."""
    if described["kind"] == "int64":
        return values.astype(np.int64)
    if described["kind"] == "string":
        return values.astype(str)
    dtype = DTYPES.get(described.get("dtype", -1))
    if dtype is None:
        raise DataError(f"training input '{feature.name}': is of a kind that is not known here")
    if values.shape[1:] != described["shape"]:
        raise DataError(
            f"training input '{feature.name}': samples have shape {list(values.shape[1:])}, "
            f"but the model takes {list(described['shape'])}"
        )
    return values.astype(dtype)
