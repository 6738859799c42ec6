"""What an update works on: the network that learns, its loss, its layers, its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from converter.coreml import shapes
from converter.coreml.features import labels
from converter.coreml.kinds import PARAMETER_KEYS, learning_weights
from converter.coreml.mlmodel import CROSS_ENTROPY, Message, layer_params, network
from converter.coreml.neighbors import KIND, Neighbors, read
from converter.coreml.pipelines import learner, members
from converter.errors import DataError, TrainingError


@dataclass(frozen=True)
class Loss:
    """A loss of the file: its kind, the blob that it reads, the training input it compares with."""

    kind: str
    input: str
    target: str

    @property
    def is_classification(self) -> bool:
        """Whether the answers are classes, not values."""
        return self.kind == CROSS_ENTROPY


def only_loss(net: Message) -> Loss | None:
    """Return the loss of `net`, None if there is none, more than one, or one of no kind."""
    if len(net.updateParams.lossLayers) != 1:
        return None
    (layer,) = net.updateParams.lossLayers
    kind = layer.WhichOneof("LossLayerType")
    if kind is None:
        return None
    return Loss(kind, getattr(layer, kind).input, getattr(layer, kind).target)


def loss_of(net: Message) -> Loss:
    """Return the one loss of `net`.

    Raises:
        TrainingError: there is none, more than one, or one of no kind.
    """
    loss = only_loss(net)
    if loss is not None:
        return loss
    losses = net.updateParams.lossLayers
    if len(losses) == 1:
        raise TrainingError(f"the loss '{losses[0].name}' is of no kind; Core ML would refuse it")
    raise TrainingError(f"the model has {len(losses)} losses; Core ML trains with one")


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
        params: Message = getattr(layer_params(self.layer), PARAMETER_KEYS[key])
        return params


@dataclass(frozen=True)
class Updatable:
    """An updatable model. `member` is the model in it that learns, `scope` where that stands."""

    model: Message
    member: Message
    scope: tuple[str, ...]

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


@dataclass(frozen=True)
class Subject(Updatable):
    """An updatable model in which a network learns."""

    @property
    def net(self) -> Message:
        """The network that learns."""
        return network(self.member)

    @property
    def loss(self) -> Loss:
        """The loss that an update minimises."""
        return loss_of(self.net)

    @property
    def labels(self) -> list[str] | list[int] | None:
        """The class labels in the order of the probabilities, None if there are none."""
        return labels(self.member)

    def layers(self) -> Iterator[LayerWeights]:
        """Yield the convolutions and inner products of the network that learns."""
        for layer in self.net.layers:
            learns = learning_weights(layer)
            keys = tuple(key for key, field in PARAMETER_KEYS.items() if field in learns)
            if keys:
                yield LayerWeights(layer, (*self.scope, layer.name), keys)


@dataclass(frozen=True)
class Keeper(Updatable):
    """An updatable model in which a k-nearest-neighbours classifier keeps samples."""

    @property
    def neighbors(self) -> Neighbors:
        """What the classifier holds."""
        return read(self.member)


def updatable(model: Message) -> Subject | Keeper:
    """Return what an update of `model` works on.

    Raises:
        TrainingError: the model is not updatable, or learns in a way that is not known here.
    """
    if not model.isUpdatable:
        raise TrainingError("the model is not updatable; convert it with make-updatable")
    member, scope = learner(model), tuple(name for name, _ in members(model)[-1:])
    if not member.isUpdatable:
        raise TrainingError(
            f"the last model of the pipeline, '{scope[0]}', is not marked updatable, so that "
            "nothing learns; Core ML would refuse it"
        )
    if member.WhichOneof("Type") == KIND:
        return Keeper(model, member, scope)
    net = network(member)
    if net is None:
        raise TrainingError(
            f"the model that learns is a {member.WhichOneof('Type')}; neural networks and "
            "k-nearest-neighbours classifiers are updated here"
        )
    loss_of(net)
    return Subject(model, member, scope)


def subject(model: Message) -> Subject:
    """Return the network that an update of `model` works on.

    Raises:
        TrainingError: the model is not updatable, or no network learns in it.
    """
    found = updatable(model)
    if not isinstance(found, Subject):
        raise TrainingError(
            f"the model that learns is a {KIND}, not a network: it keeps samples, and has no "
            "layers that learn, no loss and no optimizer"
        )
    return found


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
