"""The samples of one update: drawn at random, or the first of the user's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from converter.coreml import shapes
from converter.coreml.features import array_shape, image_shape
from converter.coreml.indices import index_counts
from converter.coreml.mlmodel import FeatureTypes_pb2, Message
from converter.coreml.subject import (
    Subject,
    Updatable,
    class_count,
    classic_shape,
)

if TYPE_CHECKING:
    from converter.runtime.history import Labelled

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Batch:
    """N samples and their answers.

    Attributes:
        inputs: by name; arrays ``[N, ...]`` as declared, images ``[N, H, W, channels]`` of 8 bits,
            red first.
        answers: class indices ``[N]``, or values ``[N, ...]`` as the target is declared; for
            nearest neighbours labels ``[N]``.
    """

    inputs: Mapping[str, Array]
    answers: Array

    def __len__(self) -> int:
        return len(self.answers)


def random_batch(subject: Subject, count: int, seed: int = 0) -> Batch:
    """Return `count` seeded samples: normal numbers, uniform pixels, all classes in turn.

    What an embedding looks up are indices that it has; what else is an integer is a whole number.

    Raises:
        DataError: the file leaves a shape open.
    """
    random = np.random.default_rng(seed)
    rows = index_counts(subject.net)
    inputs = {
        feature.name: samples_of(feature, count, random, rows.get(feature.name, 0))
        for feature in subject.inputs
    }
    if subject.loss.is_classification:
        return Batch(inputs, np.arange(count) % class_count(subject))
    shape = array_shape(subject.target)
    return Batch(inputs, random.uniform(0.0, 1.0, (count, *shape)).astype(np.float32))


def samples_of(feature: Message, count: int, random: np.random.Generator, rows: int = 0) -> Array:
    """Return samples of one input; `rows` is how many an embedding has, 0 if none reads it.

    Raises:
        DataError: the file leaves its shape open.
    """
    if feature.type.WhichOneof("Type") == "imageType":
        return random.integers(0, 256, (count, *image_shape(feature)), np.uint8)
    shape = (count, *array_shape(feature))
    if rows:
        return random.integers(0, rows, shape).astype(np.float32)
    found = random.normal(size=shape).astype(np.float32)
    is_integer = feature.type.multiArrayType.dataType == FeatureTypes_pb2.ArrayFeatureType.INT32
    return np.rint(3 * found) if is_integer else found


def first_of(subject: Subject, data: Labelled, count: int) -> Batch:
    """Return the first `count` samples of `data`, or all if they are fewer.

    Raises:
        DataError: samples or labels do not fit the model.
        TrainingError: the reference runtime cannot train the model.
    """
    from converter.runtime.plan import plan
    from converter.runtime.targets import targets

    chosen = plan(subject.member)
    kept = np.arange(min(count, len(data.samples)))
    channels, height, width = classic_shape(shapes.blob_shapes(subject.member)[chosen.loss_blob])
    answers = targets(subject.member, chosen, np.asarray(data.y)[kept], (height, width, channels))
    if not subject.loss.is_classification:
        shape = array_shape(subject.target)
        answers = answers.transpose(0, 3, 1, 2).reshape(-1, *shape)
    return Batch(images_as_bytes(subject, data.samples.take(kept)), answers)


def images_as_bytes(chosen: Updatable, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return `inputs` with pixels of 8 bits where the model takes images."""
    found = dict(inputs)
    for feature in chosen.inputs:
        if feature.type.WhichOneof("Type") == "imageType":
            found[feature.name] = np.clip(np.rint(found[feature.name]), 0, 255).astype(np.uint8)
    return found
