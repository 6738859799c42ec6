"""A model as one list of layers, whatever models it consists of.

A pipeline hands features from model to model by name. Here the layers of all its networks follow
one another, and each blob has a name that no other has: ``number:name``, the number that of the
network. So nothing else in the runtime knows of pipelines: a frozen layer is frozen wherever it
stands, all of them run in one graph and once, a blob goes with its last use, and what no answer
needs is left out. Run one after the other, every model would need all of that again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from converter.coreml import mlmodel, shapes
from converter.coreml.features import is_classifier, labels
from converter.coreml.mlmodel import Message
from converter.coreml.pipelines import members
from converter.errors import ModelFileError
from converter.runtime.network import Layer, checked_network


@dataclass(frozen=True)
class Input:
    """What is given, as a network declares it; `preprocessing` is what that does to images."""

    blob: str
    feature: Message
    preprocessing: Sequence[Message]


@dataclass(frozen=True)
class Output:
    """A feature that a model makes: a blob, or with `labels` the label of the best class in it."""

    blob: str
    shape: shapes.Shape | None
    is_array: bool
    labels: Sequence[str] | Sequence[int] | None = None


@dataclass
class Joined:
    """A model as one list of layers.

    Attributes:
        layers: those of all networks, in the order in which they run.
        inputs: what is given to the networks.
        outputs: the outputs of the model, by name.
        last: the network that ends the model, and may learn.
        blobs: the blobs of the last network: their names in the file to their names here.
        networks: how many there are.
    """

    layers: list[Layer] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    outputs: dict[str, Output] = field(default_factory=dict)
    last: Message = None
    blobs: dict[str, str] = field(default_factory=dict)
    networks: int = 0

    @property
    def given(self) -> list[str]:
        """The blobs that are there before any layer runs."""
        return [given.blob for given in self.inputs]

    @property
    def wanted(self) -> list[str]:
        """The blobs that have to be computed for the outputs."""
        return list(dict.fromkeys(output.blob for output in self.outputs.values()))


def joined(model: Message) -> Joined:
    """Return `model` as one list of layers.

    Raises:
        ModelFileError: a model in it is no neural network, or one that cannot be run here; a
            feature is taken that nothing makes, or in another form; there are no outputs.
    """
    found = Joined()
    features: dict[str, Output | None] = {f.name: None for f in model.description.input}
    found.outputs = _joined(model, features, found, ())
    if not found.outputs:
        raise ModelFileError("the model has no outputs")
    return found


Features = Mapping[str, "Output | None"]
"""All features that there are so far, by name; None for what is given."""


def _joined(
    model: Message, features: Features, found: Joined, path: tuple[str, ...]
) -> dict[str, Output]:
    """Put the layers of `model`, which stands at `path`, into `found`; return its outputs."""
    if mlmodel.pipeline(model) is None:
        return _network(model, features, found, path)
    known = dict(features)
    inside = members(model)
    if not inside:
        raise ModelFileError("the pipeline holds no models")
    for name, member in inside:
        with _naming(name):
            known.update(_joined(member, known, found, (*path, name)))
    outputs = {}
    for feature in model.description.output:
        output = known.get(feature.name)
        if output is None:
            raise ModelFileError(f"no model of the pipeline makes the output '{feature.name}'")
        outputs[feature.name] = output
    return outputs


@contextmanager
def _naming(member: str) -> Iterator[None]:
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"'{member}' of the pipeline: {error}") from error


def _network(
    model: Message, features: Features, found: Joined, path: tuple[str, ...]
) -> dict[str, Output]:
    net = checked_network(model)
    sizes = shapes.blob_shapes(model)
    found.networks += 1
    scope = f"{found.networks}:" if path else ""
    blobs = {}
    for feature in model.description.input:
        made = _taken(feature, features, sizes[feature.name])
        blobs[feature.name] = made.blob if made else f"{scope}{feature.name}"
        if made is None:
            found.inputs.append(Input(blobs[feature.name], feature, net.preprocessing))
    for layer in net.layers:
        taken = tuple(blobs.get(name, f"{scope}{name}") for name in layer.input)
        blobs.update({name: f"{scope}{name}" for name in layer.output})
        outputs = tuple(blobs[name] for name in layer.output)
        found.layers.append(Layer(layer, taken, outputs, found.networks, "/".join(path)))
    found.last, found.blobs = net, blobs
    return dict(_outputs(model, net, blobs, sizes))


def _taken(feature: Message, features: Features, shape: shapes.Shape | None) -> Output | None:
    """Return what `feature`, an input of ``shape``, is made by; None if it is given.

    Raises:
        ModelFileError: nothing makes it, or it is made in another form.
    """
    name = feature.name
    if name not in features:
        raise ModelFileError(f"takes '{name}', which is no input and which no model before makes")
    made = features[name]
    if made is None:
        return None
    if feature.type.WhichOneof("Type") != "multiArrayType" or not made.is_array:
        raise ModelFileError(
            f"takes '{name}' from another model, and not as an array of numbers on both sides; "
            "the reference runtime hands on nothing else"
        )
    if not _fits(made.shape, shape):
        raise ModelFileError(
            f"takes '{name}' of shape {shapes.describe(shape)}, but the model before it makes "
            f"{shapes.describe(made.shape)}"
        )
    return made


def _fits(made: shapes.Shape | None, taken: shapes.Shape | None) -> bool:
    """Tell whether two shapes can be the same; sizes that the file leaves open can be any."""
    if made is None or taken is None:
        return True
    pairs = zip(made, taken, strict=False)
    return len(made) == len(taken) and all(None in pair or pair[0] == pair[1] for pair in pairs)


def _outputs(
    model: Message, net: Message, blobs: Mapping[str, str], sizes: Mapping[str, shapes.Shape | None]
) -> Iterator[tuple[str, Output]]:
    described = model.description
    special = (described.predictedFeatureName, described.predictedProbabilitiesName)
    classes = labels(model) if is_classifier(model) else None
    for feature in described.output:
        name = feature.name
        is_class = classes is not None and name in special
        blob = name
        if is_class:  # the predicted class is read off the probabilities
            blob = net.labelProbabilityLayerName or net.layers[-1].output[0]
        label = classes if is_class and name == described.predictedFeatureName else None
        yield name, Output(blobs.get(blob, blob), sizes.get(blob), not is_class, label)
