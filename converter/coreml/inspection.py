"""What a ``.mlmodel`` holds: interface, layers, and how it is updated; without TensorFlow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from converter.coreml import mlmodel, neighbors, shapes
from converter.coreml.features import keras_shape, labels
from converter.coreml.images import Image, images, pixels, word
from converter.coreml.interface import KERNELS_KEY, PIXELS_KEY, SHAPES_KEY, Pixels, told
from converter.coreml.kinds import kind_of, stored_weights
from converter.coreml.mlmodel import Message
from converter.coreml.optimizers import FIELDS
from converter.coreml.pipelines import members


@dataclass(frozen=True)
class Feature:
    """An input, output or training input; of an array that is an input its shape in `keras`."""

    name: str
    type: str
    description: str = ""
    keras: tuple[int, ...] | None = None

    def __str__(self) -> str:
        in_keras = f" (in Keras {list(self.keras)})" if self.keras else ""
        return f"{self.name}: {self.type}{in_keras}"


@dataclass(frozen=True)
class Layer:
    """A layer: shape of its first output (None where unknown), numbers stored as weights.

    `precision` says how they are stored if not as float32: "float16", "int8" or such; `bytes` what
    they take in the file, with what is needed to read them.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shape: tuple[int | None, ...] | None
    weights: int
    updatable: bool
    precision: str = ""
    bytes: int = 0

    def cells(self) -> tuple[str, ...]:
        """Return the row of a table with `COLUMNS`; the last cell says whether it learns."""
        state = "updatable" if self.updatable else "frozen" if self.weights else ""
        count = count_text(self.weights) + (f" ({self.precision})" if self.precision else "")
        return self.name, self.kind, shape_text(self.shape), count, state


COLUMNS = ("layer", "kind", "output", "weights", "")
"""The head of a table of layers."""


def shape_text(shape: tuple[int | None, ...] | None) -> str:
    """Return `shape` as people read it: ``32 × 26 × 26``, a ``?`` where a size is open."""
    return " × ".join("?" if n is None else str(n) for n in shape or ())


def count_text(number: int) -> str:
    """Return `number` as people read it, nothing for 0."""
    return f"{number:,}" if number else ""


def size_text(size: float) -> str:
    """Return `size`, in bytes, as people read it: ``2.3 MB``."""
    unit, scale = ("GB", 1e9) if size >= 1e9 else ("MB", 1e6) if size >= 1e5 else ("kB", 1e3)
    return f"{size / scale:.1f} {unit}"


@dataclass(frozen=True)
class Allowed:
    """A number of the update: its default, and the range or the values that an app may choose."""

    default: float
    min: float | None = None
    max: float | None = None
    allowed: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Update:
    """How the model learns on the device."""

    loss: str
    loss_input: str
    target: str
    optimizer: str
    parameters: Mapping[str, Allowed]
    shuffle: bool
    seed: int | None


@dataclass(frozen=True)
class Neighborhood:
    """What a k-nearest-neighbours classifier compares with, and how.

    `samples` counts those of each class; a file may hold more or fewer labels than samples, and
    then they are counted by label. What the file does not say is "none".
    """

    dimensions: int
    neighbors: Allowed
    samples: Mapping[str, int]
    default_label: str | int | None
    index: str
    leaf_size: int | None
    weighting: str
    distance: str


@dataclass(frozen=True)
class Parameters:
    """How many numbers a model has as weights: all, those that learn on the device, the rest."""

    total: int
    learning: int
    frozen: int

    def __str__(self) -> str:
        return f"{self.total:,}: {self.learning:,} learn on the device, {self.frozen:,} stay frozen"


@dataclass(frozen=True)
class CoreMLModel:
    """A Core ML model; `models` are the members of a pipeline, `name` is that of a member.

    `pixels` is what reaches the first layer with weights, if the first input is an image: by all
    scalings of a model that was converted here, by the file's preprocessing of another one.
    `labels` are the classes in the order of their probabilities. `images` are the inputs that are
    images, with the scaler in the file. `parameters` counts what the file stores, that of all
    members together.
    """

    kind: str
    specification_version: int
    updatable: bool
    metadata: Mapping[str, str]
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    training_inputs: tuple[Feature, ...]
    layers: tuple[Layer, ...]
    update: Update | None
    models: tuple[CoreMLModel, ...] = ()
    pixels: Pixels | None = None
    neighbors: Neighborhood | None = None
    name: str = ""
    labels: tuple[str | int, ...] = ()
    images: tuple[Image, ...] = ()
    parameters: Parameters = Parameters(0, 0, 0)

    @property
    def as_one(self) -> CoreMLModel:
        """The same with the layers of all models in a pipeline, and how its last one learns."""
        inside = [member.as_one for member in self.models]
        if not inside:
            return self
        layers = tuple(layer for member in inside for layer in member.layers)
        last = inside[-1]
        return replace(self, layers=layers, update=last.update, neighbors=last.neighbors)


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
