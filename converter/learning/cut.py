"""The cut: a network of which a part learns becomes a pipeline, what stays as it is first.

The last model of a pipeline may be updatable, no other: what depends on nothing that learns goes
into a network of its own, whose weights may then be stored in fewer bits. Values that cross the cut
become features: outputs of the one and inputs of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from converter.coreml.encoding import Precision
from converter.coreml.kinds import stored_weights
from converter.coreml.mlmodel import (
    FeatureTypes_pb2,
    Message,
    Model_pb2,
    floats,
    layer_params,
    network,
)
from converter.coreml.pipelines import FEATURES, LEARNING
from converter.coreml.quantization import encoded, store
from converter.coreml.shapes import Shape, blob_shapes
from converter.coreml.wire import Encoded
from converter.errors import UnsupportedError
from converter.lower.weighted import Weighted

Weights: TypeAlias = list[tuple[Message, Encoded]]
"""Empty ``WeightParams`` inside a model, and what belongs there."""

COMPRESSIBLE = ("convolution", "innerProduct")
"""Layers whose weights are stored in fewer bits; the others hold a number or two per channel."""


SMALLEST = 1e-35
"""Of numbers that are all smaller, a scale would have no more digits in float32."""


def bound(weighted: Iterable[Weighted]) -> Weights:
    """Return the weights of the layers `weighted` of a network, as they go into its file."""
    return [(params, Encoded(array)) for params, array in map(Weighted.bind, weighted)]


def in_pipeline(model: Message, weights: Weights, precision: Precision) -> tuple[Message, Weights]:
    """Return the updatable network `model` as a pipeline, and the `weights` of its members.

    Those of the first are to be written in `precision`. Neither `model` nor its weights change.

    Raises:
        UnsupportedError: nothing that is frozen has weights, or they cannot have that precision.
    """
    layers = _net(model).layers
    frozen, rest = _parts(layers)
    _check(frozen, layers, precision)
    whole = Model_pb2.Model(specificationVersion=model.specificationVersion, isUpdatable=True)
    whole.description.CopyFrom(model.description)
    is_classifier = model.WhichOneof("Type") == "neuralNetworkClassifier"
    holder = whole.pipelineClassifier.pipeline if is_classifier else whole.pipeline
    holder.names.extend((FEATURES, LEARNING))
    crossing = _crossing(model, frozen, rest)
    features = _fill_features(holder.models.add(), model, frozen, crossing)
    tail = _fill_tail(holder.models.add(), model, rest, crossing)
    arrays = {id(params): array for params, array in weights}
    return whole, [
        *compressed(moved(frozen, features, arrays), features, precision),
        *moved(rest, tail, arrays),
    ]


def _net(model: Message) -> Message:
    net = network(model)
    assert net is not None, "is no neural network"
    return net


def _parts(layers: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    """Return the layers that depend on none that learns, and the others.

    A constant that only the others read is one of them: it is no feature of any sample.
    """
    made = {name for layer in layers for name in layer.output}
    moving = _reached(layers, lambda layer: layer.isUpdatable)
    varying = _reached(layers, lambda layer: not made.issuperset(layer.input))
    frozen, rest, needed = list[Message](), list[Message](), set[str]()
    for layer in reversed(layers):
        outputs = set(layer.output)
        stays = not outputs & moving and bool(outputs & (varying | needed))
        (frozen if stays else rest).insert(0, layer)
        if stays:
            needed.update(layer.input)
    return frozen, rest


def _reached(layers: Sequence[Message], begins: Callable[[Message], bool]) -> set[str]:
    """Return the blobs that depend on a layer of which `begins` is true, its own included."""
    found: set[str] = set()
    for layer in layers:
        if begins(layer) or found.intersection(layer.input):
            found.update(layer.output)
    return found


def _check(frozen: Sequence[Message], layers: Sequence[Message], precision: Precision) -> None:
    if not any(True for layer in frozen for _ in stored_weights(layer)):
        first = next(layer.name for layer in layers if layer.isUpdatable)
        raise UnsupportedError(
            f"there is nothing to cut off: no layer with weights comes before '{first}', the first "
            "that learns; leave out --layout and --frozen-weights, or let fewer layers learn "
            "(--layers)"
        )
    if precision != "float32" and not any(map(_is_compressible, frozen)):
        raise UnsupportedError(
            f"no convolution or dense layer stays as it is, so that nothing can be stored in "
            f"{precision}; leave out --frozen-weights"
        )


def _is_compressible(layer: Message) -> bool:
    return layer.WhichOneof("layer") in COMPRESSIBLE


def _crossing(model: Message, frozen: Iterable[Message], rest: Iterable[Message]) -> list[Message]:
    """Return the features that lead from the `frozen` layers to the `rest`.

    Raises:
        UnsupportedError: the size of one is left open.
    """
    made = {name for layer in frozen for name in layer.output}
    names = dict.fromkeys(name for layer in rest for name in layer.input if name in made)
    sizes = blob_shapes(model)
    return [_array(name, sizes.get(name)) for name in names]


def _array(name: str, shape: Shape | None) -> Message:
    """Return the feature for a blob of `shape`: ``[C]`` for a vector, else ``[C, H, W]``."""
    if shape is None or None in shape:
        raise UnsupportedError(
            f"the shape of '{name}', between what is frozen and what learns, is open; say "
            "--input-shape"
        )
    feature = FeatureTypes_pb2.ArrayFeatureType
    found = Model_pb2.FeatureDescription(name=name)
    array = found.type.multiArrayType
    array.dataType = feature.FLOAT32
    array.shape.extend(shape[:1] if tuple(shape[1:]) == (1, 1) else shape)
    return found


def _fill_features(
    member: Message, model: Message, layers: Sequence[Message], crossing: Iterable[Message]
) -> Message:
    """Make `member` the network of `layers` alone, which gives what is `crossing`."""
    read = {name for layer in layers for name in layer.input}
    member.specificationVersion = model.specificationVersion
    member.description.input.extend(f for f in model.description.input if f.name in read)
    member.description.output.extend(crossing)
    member.neuralNetwork.layers.extend(layers)
    _keep_preprocessing(member.neuralNetwork, _net(model), read)
    return member


def _fill_tail(
    member: Message, model: Message, layers: Sequence[Message], crossing: Sequence[Message]
) -> Message:
    """Make `member` what is left of `model` if its inputs are what is `crossing`."""
    member.CopyFrom(model)
    member.description.ClearField("metadata")
    read = {name for layer in layers for name in layer.input}
    given = {feature.name for feature in model.description.input}
    for field in ("input", "trainingInput"):
        features = getattr(member.description, field)
        kept = [
            f for f in getattr(model.description, field) if f.name in read or f.name not in given
        ]
        del features[:]
        features.extend([*crossing, *kept])
    net = _net(member)
    del net.layers[:]
    net.layers.extend(layers)
    _keep_preprocessing(net, _net(model), read)
    return member


def _keep_preprocessing(net: Message, whole: Message, read: Collection[str]) -> None:
    """Let `net` prepare those images that it reads as the `whole` network prepares them."""
    kept = [step for step in whole.preprocessing if step.featureName in read]
    del net.preprocessing[:]
    net.preprocessing.extend(kept)


def moved(
    layers: Sequence[Message], member: Message, arrays: Mapping[int, Encoded]
) -> Iterator[tuple[Message, Encoded]]:
    """Yield those of `arrays` that belong to `layers`, with their place in `member`."""
    for old, new in zip(layers, _net(member).layers, strict=True):
        if _is_compressible(old) and id(layer_params(old).weights) in arrays:
            yield layer_params(new).weights, arrays[id(layer_params(old).weights)]


def compressed(
    weights: Iterable[tuple[Message, Encoded]], member: Message, precision: Precision
) -> Weights:
    """Return the weights of `member` as they are to be written in `precision`.

    Raises:
        UnsupportedError: they cannot have that precision.
    """
    outside = list(weights)
    if precision == "float32":
        return outside
    arrays = {id(params): made.array for params, made in outside}
    found: Weights = []
    for layer in _net(member).layers:
        if not _is_compressible(layer):
            continue
        params = layer_params(layer)
        array = arrays.get(id(params.weights))
        if array is None:  # a constant of the conversion's own, such as a 1x1 convolution of ones
            array = floats(params.weights).reshape(params.outputChannels, -1)
            params.weights.ClearField("floatValue")
        where = f"layer '{layer.name}'"
        found.append(
            (params.weights, encoded(array, params.weights, precision, _axis(params), where))
        )
        _compress_bias(params.bias, precision, where)
    return found


def _axis(params: Message) -> int | None:
    """Return on which axis of the weights the outputs lie; None if in groups on two of them."""
    if not getattr(params, "isDeconvolution", False):
        return 0
    return 1 if params.nGroups <= 1 else None


def _compress_bias(bias: Message, precision: Precision, where: str) -> None:
    """Store a bias as coremltools does: in the precision of the weights, with one scale for all.

    Zeros have no scale, and stay as they are beside integers; beside float16, Apple's validator
    wants no float32.
    """
    values = floats(bias)
    largest = np.abs(values).max(initial=0)
    if largest >= SMALLEST or (values.size and precision == "float16"):
        store(bias, encoded(values, bias, precision, None, where))
