"""What a ``.mlmodel`` holds, read from its message; without TensorFlow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from converter.coreml import mlmodel, neighbors, shapes
from converter.coreml.contents import (
    Allowed,
    CoreMLModel,
    Feature,
    Layer,
    Neighborhood,
    Parameters,
    Update,
)
from converter.coreml.features import keras_shape, labels
from converter.coreml.images import images, pixels, word
from converter.coreml.interface import KERNELS_KEY, PIXELS_KEY, SHAPES_KEY, told
from converter.coreml.kinds import kind_of, stored_weights
from converter.coreml.mlmodel import Message
from converter.coreml.optimizers import FIELDS
from converter.coreml.pipelines import members


def inspect(spec: Message) -> CoreMLModel:
    """Return what the model `spec` holds; a model of any kind, valid or not."""
    description = spec.description
    keras = _keras_shapes(spec)
    layers = _layers(spec)
    inside = tuple(replace(inspect(member), name=name) for name, member in members(spec))
    return CoreMLModel(
        kind=spec.WhichOneof("Type") or "none",
        specification_version=spec.specificationVersion,
        updatable=spec.isUpdatable,
        metadata=_metadata(description.metadata),
        inputs=_features(description.input, keras),
        outputs=_features(description.output, {}),
        training_inputs=_features(description.trainingInput, keras),
        layers=layers,
        update=_update(spec),
        models=inside,
        pixels=pixels(spec),
        neighbors=_neighbors(spec),
        labels=tuple(labels(spec) or ()),
        images=tuple(images(spec)),
        parameters=_parameters(layers, inside),
    )


def _parameters(layers: Iterable[Layer], inside: Iterable[CoreMLModel]) -> Parameters:
    """Return what `layers` and the members of a pipeline store."""
    counts = [(layer.weights, layer.weights * layer.updatable) for layer in layers]
    counts += [(each.parameters.total, each.parameters.learning) for each in inside]
    total, learning = (sum(count[place] for count in counts) for place in (0, 1))
    return Parameters(total, learning, total - learning)


def _metadata(stored: Message) -> dict[str, str]:
    known = {
        "description": stored.shortDescription,
        "author": stored.author,
        "license": stored.license,
        "version": stored.versionString,
    }
    return {
        key: text
        for key, text in (*known.items(), *sorted(stored.userDefined.items()))
        if text and key not in SHOWN_APART
    }


SHOWN_APART = (KERNELS_KEY, PIXELS_KEY, SHAPES_KEY)
"""Metadata that the features of a `CoreMLModel` tell, or the names of its weights."""


def _features(
    stored: Iterable[Message], keras: Mapping[str, tuple[int, ...]]
) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            feature.name, _feature_type(feature.type), feature.shortDescription,
            keras.get(feature.name),
        )
        for feature in stored
    )  # fmt: skip


def _keras_shapes(spec: Message) -> dict[str, tuple[int, ...]]:
    """Return the shapes that array inputs have in Keras, where these differ from the declared."""
    in_keras = told(spec, SHAPES_KEY)
    shapes = {}
    for feature in spec.description.input:
        declared = tuple(int(size) for size in feature.type.multiArrayType.shape)
        shape = tuple(in_keras.get(feature.name) or keras_shape(declared))
        if shape != declared:
            shapes[feature.name] = shape
    return shapes


def _layers(spec: Message) -> tuple[Layer, ...]:
    net = mlmodel.network(spec)
    if net is None:
        return ()
    found = shapes.blob_shapes(spec)
    return tuple(
        Layer(
            layer.name,
            kind_of(layer),
            tuple(layer.input),
            tuple(layer.output),
            found.get(layer.output[0]) if layer.output else None,
            _weights(layer),
            layer.isUpdatable,
            _precision(layer),
            sum(params.ByteSize() for params in stored_weights(layer)),
        )
        for layer in net.layers
    )


def _weights(layer: Message) -> int:
    """Return how many numbers are stored; of quantized weights only the packed size is known."""
    count = 0
    for value in stored_weights(layer):
        bits = value.quantization.numberOfBits or 8
        packed = len(value.rawValue) * 8 // bits + len(value.int8RawValue)
        count += len(value.floatValue) + len(value.float16Value) // 2 + packed
    return count


def _precision(layer: Message) -> str:
    """Return how the weights of `layer` are stored, "" if as float32; several kinds with "+"."""
    return " + ".join(dict.fromkeys(filter(None, map(_precision_of, stored_weights(layer)))))


def _precision_of(value: Message) -> str:
    if value.int8RawValue:
        return "int8"
    if value.rawValue:
        bits = value.quantization.numberOfBits or 8
        table = value.quantization.WhichOneof("QuantizationType") == "lookupTableQuantization"
        return f"{bits}-bit table" if table else f"int{bits}"
    return "float16" if value.float16Value else ""


def _update(spec: Message) -> Update | None:
    net = mlmodel.network(spec)
    if net is None or not net.HasField("updateParams"):
        return None
    params = net.updateParams
    loss, loss_input, target = "none", "", ""
    for layer in params.lossLayers:
        loss = layer.WhichOneof("LossLayerType") or "none"
        if loss != "none":
            loss_input, target = getattr(layer, loss).input, getattr(layer, loss).target
    kind = params.optimizer.WhichOneof("OptimizerType")
    numbers = {"epochs": _allowed(params.epochs)}
    for field, value in getattr(params.optimizer, kind).ListFields() if kind else ():
        numbers[FIELDS.get(field.name, field.name)] = _allowed(value)
    seed = params.seed.defaultValue if params.HasField("seed") else None
    return Update(
        loss, loss_input, target, (kind or "none").removesuffix("Optimizer"), numbers,
        params.shuffle.defaultValue, seed,
    )  # fmt: skip


def _neighbors(spec: Message) -> Neighborhood | None:
    if spec.WhichOneof("Type") != neighbors.KIND:
        return None
    params = getattr(spec, neighbors.KIND)
    index, default = params.nearestNeighborsIndex, params.WhichOneof("DefaultClassLabel")
    kind = index.WhichOneof("IndexType")
    return Neighborhood(
        index.numberOfDimensions,
        _allowed(params.numberOfNeighbors),
        dict(Counter(map(str, neighbors.labels(params)))),
        getattr(params, default) if default else None,
        neighbors.INDEXES.get(kind, "none"),
        index.singleKdTreeIndex.leafSize if kind == "singleKdTreeIndex" else None,
        neighbors.WEIGHTINGS.get(params.WhichOneof("WeightingScheme"), "none"),
        neighbors.DISTANCES.get(index.WhichOneof("DistanceFunction"), "none"),
    )


def _allowed(stored: Message) -> Allowed:
    kind = stored.WhichOneof("AllowedValues")
    if kind == "range":
        return Allowed(stored.defaultValue, stored.range.minValue, stored.range.maxValue)
    if kind == "set":
        return Allowed(stored.defaultValue, allowed=tuple(sorted(stored.set.values)))
    return Allowed(stored.defaultValue)


def _feature_type(kind: Message) -> str:
    name = kind.WhichOneof("Type")
    if name == "multiArrayType":
        array = kind.multiArrayType
        dtype = word(array.ArrayDataType, array.dataType)
        return f"{dtype} [{', '.join(str(n) for n in array.shape)}]"
    if name == "imageType":
        image = kind.imageType
        colour = word(image.ColorSpace, image.colorSpace)
        return f"{colour} image {image.width} × {image.height}"
    return {
        "dictionaryType": "probability of each class",
        "stringType": "class label (text)",
        "int64Type": "class label (number)",
    }.get(name, str(name))
