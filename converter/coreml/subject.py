"""What an update works on: the network that learns, its loss, its layers, its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from converter.coreml import shapes
from converter.coreml.mlmodel import (
    CROSS_ENTROPY,
    FeatureTypes_pb2,
    Message,
    layer_params,
    network,
    pipeline,
)
from converter.errors import DataError, TrainingError

WEIGHT_KEYS = {"weights": "weights", "biases": "bias"}
"""``MLParameterKey`` -> the field of ``convolution`` and ``innerProduct`` that it names."""


GRAY = {
    FeatureTypes_pb2.ImageFeatureType.GRAYSCALE,
    FeatureTypes_pb2.ImageFeatureType.GRAYSCALE_FLOAT16,
}


@dataclass(frozen=True)
class LayerWeights:
    """A layer whose weights Core ML can hand out. `path` leads to it, through a pipeline too."""

    layer: Message
    path: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def is_updatable(self) -> bool:
        """Whether an update may change it."""
        return bool(self.layer.isUpdatable)

    def stored(self, key: str) -> Message:
        """Return the ``WeightParams`` in the file for one of `keys`."""
        params: Message = getattr(layer_params(self.layer), WEIGHT_KEYS[key])
        return params


@dataclass(frozen=True)
class Subject:
    """An updatable model. `member` is the model whose network learns, `scope` where it stands."""

    model: Message
    member: Message
    scope: tuple[str, ...]

    @property
    def net(self) -> Message:
        """The network that learns."""
        return network(self.member)

    @property
    def loss(self) -> Message:
        """The parameters of the loss: ``input`` and ``target``."""
        layer = self.net.updateParams.lossLayers[0]
        return getattr(layer, layer.WhichOneof("LossLayerType"))

    @property
    def is_classification(self) -> bool:
        """Whether the answers are classes, not values."""
        layer = self.net.updateParams.lossLayers[0]
        return bool(layer.WhichOneof("LossLayerType") == CROSS_ENTROPY)

    @property
    def inputs(self) -> list[Message]:
        """The training inputs that are samples, such as the image."""
        names = {feature.name for feature in self.model.description.input}
        return [f for f in self.model.description.trainingInput if f.name in names]

    @property
    def target(self) -> Message:
        """The training input that is the answer: a class or values."""
        names = {feature.name for feature in self.model.description.input}
        targets = [f for f in self.model.description.trainingInput if f.name not in names]
        if len(targets) != 1:
            raise TrainingError(
                f"the model has {len(targets)} training inputs for the answer; "
                "one is needed, so convert it with make-updatable"
            )
        return targets[0]

    @property
    def labels(self) -> list[str] | list[int] | None:
        """The class labels in the order of the probabilities, None if there are none."""
        kind = self.member.WhichOneof("Type")
        if kind != "neuralNetworkClassifier":
            return None
        if self.net.WhichOneof("ClassLabels") == "int64ClassLabels":
            return list(self.net.int64ClassLabels.vector)
        return list(self.net.stringClassLabels.vector)

    def layers(self) -> Iterator[LayerWeights]:
        """Yield the convolutions and inner products of the network that learns."""
        for layer in self.net.layers:
            if layer.WhichOneof("layer") in ("convolution", "innerProduct"):
                keys = ("weights", "biases") if layer_params(layer).hasBias else ("weights",)
                yield LayerWeights(layer, (*self.scope, layer.name), keys)


def subject(model: Message) -> Subject:
    """Return what an update of `model` works on.

    The last model of a pipeline may be updatable, no other; its layers are found under ``model``
    and its index. https://developer.apple.com/documentation/coreml/mlparameterkey

    Raises:
        TrainingError: the model is not updatable, or is no neural network.
    """
    if not model.isUpdatable:
        raise TrainingError("the model is not updatable; convert it with make-updatable")
    members = pipeline(model)
    member, scope = model, tuple[str, ...]()
    if members is not None and members.models:
        member, scope = members.models[-1], (f"model{len(members.models) - 1}",)
    net = network(member)
    if net is None:
        raise TrainingError(
            f"the model that learns is a {member.WhichOneof('Type')}; "
            "only neural networks are updated here"
        )
    losses = net.updateParams.lossLayers
    if len(losses) != 1 or losses[0].WhichOneof("LossLayerType") is None:
        raise TrainingError(f"the model has {len(losses)} losses; Core ML trains with one")
    return Subject(model, member, scope)


def classic_shape(shape: shapes.Shape | None) -> tuple[int, int, int]:
    """Return channels, height and width of a blob.

    Raises:
        DataError: the file leaves a size open.
    """
    sizes = shape or ()
    if len(sizes) != 3 or None in sizes:
        raise DataError("the file leaves the shape of the output open; convert with --input-shape")
    channels, height, width = (int(size or 0) for size in sizes)
    return channels, height, width


def class_count(subject: Subject) -> int:
    """Return the number of classes that the loss tells apart.

    Raises:
        DataError: neither labels nor the shape of the blob tell.
    """
    labels = subject.labels
    if labels:
        return len(labels)
    return classic_shape(shapes.blob_shapes(subject.member).get(subject.loss.input))[0]


def declared_shape(feature: Message) -> tuple[int, ...]:
    """Return the shape of an array feature.

    Raises:
        DataError: it is no array, or its shape is open.
    """
    shape = tuple(int(size) for size in feature.type.multiArrayType.shape)
    if not shape or min(shape) < 1:
        raise DataError(f"training input '{feature.name}': its shape is not stored in the file")
    return shape


def image_shape(feature: Message) -> tuple[int, int, int]:
    """Return height, width and channels of an image feature."""
    image = feature.type.imageType
    return int(image.height), int(image.width), 1 if image.colorSpace in GRAY else 3
