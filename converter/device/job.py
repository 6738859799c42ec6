"""The order to the child process: a folder with the model, ``job.json`` and the samples.

``samples.npz`` holds arrays and labels by the number of the feature; images are PNG files of
exactly the size that the model asks for, so that Core ML has nothing to scale.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter.coreml import mlmodel
from converter.coreml.features import array_shape
from converter.coreml.mlmodel import FeatureTypes_pb2, Message
from converter.coreml.subject import Keeper, Subject
from converter.device import child
from converter.device.batch import Array, Batch
from converter.device.child import Ending
from converter.device.png import png
from converter.errors import DataError

BATCH_SIZE = 8
"""Of the pass, if the file allows it: small, so that there are several mini-batches."""

DTYPES = {
    FeatureTypes_pb2.ArrayFeatureType.FLOAT16: np.float16,
    FeatureTypes_pb2.ArrayFeatureType.FLOAT32: np.float32,
    FeatureTypes_pb2.ArrayFeatureType.DOUBLE: np.float64,
    FeatureTypes_pb2.ArrayFeatureType.INT32: np.int32,
}
"""Data type in the file -> NumPy's. The numbers are those of ``MLMultiArrayDataType``."""


@dataclass(frozen=True)
class Settings:
    """How the pass runs, within what the file allows.

    Attributes:
        is_default: all of it is the file's own, and nothing is told to Core ML.
        later_rate: the learning rate from the second epoch on, None if it remains.
    """

    epochs: int
    batch_size: int
    shuffle: bool = False
    is_default: bool = False
    later_rate: float | None = None

    def parameters(self) -> dict[str, int | bool]:
        """Return what Core ML is told, by the names of ``MLParameterKey``."""
        if self.is_default:
            return {}
        return {"epochs": self.epochs, "miniBatchSize": self.batch_size, "shuffle": self.shuffle}

    def remark(self) -> str | None:
        """Return why it is more than one epoch that runs, None if it is one."""
        if self.epochs == 1:
            return None
        why = "a pipeline keeps its number" if self.is_default else "the file allows no fewer"
        return f"{self.epochs} epochs run, not one: {why}"

    def samples(self) -> int:
        """Return how many samples make two whole mini-batches and one that is smaller."""
        return 2 * self.batch_size + max(1, self.batch_size // 2)


def settings(subject: Subject, most: int | None = None) -> Settings:
    """Return one epoch of several mini-batches, or as near to that as the file allows.

    A mini-batch is the largest allowed one of up to `BATCH_SIZE` samples, of which two and a
    smaller one fit into `most` samples; else the smallest allowed one.
    """
    update = subject.net.updateParams
    optimizer = getattr(update.optimizer, update.optimizer.WhichOneof("OptimizerType"))
    if subject.scope:
        # Under which keys a pipeline takes hyperparameters is not documented: it keeps its own.
        epochs, batch_size = update.epochs.defaultValue, optimizer.miniBatchSize.defaultValue
        shuffle = bool(update.shuffle.defaultValue)
        return Settings(int(epochs), int(batch_size), shuffle, is_default=True)
    wanted = BATCH_SIZE if most is None else max(1, min(BATCH_SIZE, (most - 1) // 2))
    return Settings(_nearest(update.epochs, 1), _nearest(optimizer.miniBatchSize, wanted))


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


def run(
    subject: Subject | Keeper, batch: Batch, chosen: Settings, timeout: float,
    classes: Sequence[str | int] = (),
) -> Ending:  # fmt: skip
    """Do one update in a child process, in a folder of its own, and return how it ended.

    `classes` are those that a model of nearest neighbours has afterwards.

    Raises:
        DataError: a value does not fit the feature it is for.
    """
    with tempfile.TemporaryDirectory(prefix="make-updatable-") as name:
        folder = Path(name)
        write(folder, subject, batch, chosen, timeout, classes)
        return child.run(folder, timeout)


def write(
    folder: Path, subject: Subject | Keeper, batch: Batch, chosen: Settings, timeout: float,
    classes: Sequence[str | int] = (),
) -> None:  # fmt: skip
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
        json.dumps(
            {
                "count": len(batch),
                "timeout": timeout,
                "features": features,
                "outputs": [feature.name for feature in subject.model.description.output],
                **_order(subject, chosen, classes),
            },
            indent=1,
        )
    )


def image_name(feature: int, sample: int) -> str:
    """Return the file name of one image."""
    return f"image.{feature}.{sample}.png"


def _order(
    subject: Subject | Keeper, chosen: Settings, classes: Sequence[str | int]
) -> dict[str, Any]:
    """Return what differs between models: parameters, classes, and layers whose weights count.

    Of classes that Core ML does not name among its answers, none of the nearest neighbours is.
    """
    if isinstance(subject, Keeper):
        labels = list(map(str, classes))
        return {"parameters": {}, "labels": labels, "layers": [], "absent_share": 0.0}
    return {
        "parameters": chosen.parameters(),
        "later_rate": chosen.later_rate,
        "labels": [str(label) for label in subject.labels or []],
        "layers": [
            {"path": layer.path, "keys": layer.keys, "updatable": layer.is_updatable}
            for layer in subject.layers()
        ],
    }


def _training_inputs(subject: Subject | Keeper, batch: Batch) -> Iterator[tuple[Message, Array]]:
    for feature in subject.inputs:
        yield feature, batch.inputs[feature.name]
    target = subject.target
    kind = target.type.WhichOneof("Type")
    if isinstance(subject, Keeper):
        yield target, batch.answers
    elif subject.loss.is_classification and kind in ("stringType", "int64Type"):
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
