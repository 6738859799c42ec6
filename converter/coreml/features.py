"""What a feature description declares: the shape of an array, the size of an image, the labels."""

from __future__ import annotations

from converter.coreml.mlmodel import FeatureTypes_pb2, Message, network
from converter.coreml.pipelines import learner
from converter.errors import DataError

GRAY = frozenset(
    [
        FeatureTypes_pb2.ImageFeatureType.GRAYSCALE,
        FeatureTypes_pb2.ImageFeatureType.GRAYSCALE_FLOAT16,
    ]
)
"""Colour spaces of one channel; all others have three."""


def channels(image: Message) -> int:
    """Return the number of channels of an ``ImageFeatureType``."""
    return 1 if image.colorSpace in GRAY else 3


def image_shape(feature: Message) -> tuple[int, int, int]:
    """Return height, width and channels of an image feature."""
    image = feature.type.imageType
    return int(image.height), int(image.width), channels(image)


def array_shape(feature: Message) -> tuple[int, ...]:
    """Return the shape of an array feature.

    Raises:
        DataError: it is no array, or its shape is open.
    """
    shape = tuple(int(size) for size in feature.type.multiArrayType.shape)
    if not shape or min(shape) < 1:
        raise DataError(f"training input '{feature.name}': its shape is not stored in the file")
    return shape


def keras_shape(declared: tuple[int, ...]) -> tuple[int, ...]:
    """Return what shape an array input declared as ``[C, H, W]`` most likely has in Keras.

    That is ``(H, W, C)``, or ``(steps, C)`` where the height is one; vectors stay vectors.
    """
    if len(declared) != 3:
        return declared
    channels, height, width = declared
    return (width, channels) if height == 1 and width > 1 else (height, width, channels)


def is_classifier(model: Message) -> bool:
    """Tell whether `model` names a class, not only its probability; of a pipeline its last does."""
    return bool(learner(model).WhichOneof("Type") == "neuralNetworkClassifier")


def labels(model: Message) -> list[str] | list[int] | None:
    """Return the class labels in the order of the probabilities, None if `model` names no class."""
    if not is_classifier(model):
        return None
    net = network(learner(model))
    assert net is not None
    if net.WhichOneof("ClassLabels") == "int64ClassLabels":
        return list(net.int64ClassLabels.vector)
    return list(net.stringClassLabels.vector)
