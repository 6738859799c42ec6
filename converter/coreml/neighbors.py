"""What a k-nearest-neighbours classifier of the format holds, and how samples get in and out.

The message keeps every sample as a small message of its own; here they are one array.
https://apple.github.io/coremltools/mlmodel/Format/NearestNeighbors.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from converter.coreml.encoding import floats_prefix, prefix
from converter.coreml.mlmodel import Floats, Message
from converter.coreml.optimizers import LARGEST_INTEGER
from converter.coreml.pipelines import learner
from converter.errors import ModelFileError

if TYPE_CHECKING:  # NumPy takes 0.1 s to import, and `inspect` does not need it
    import numpy as np
    import numpy.typing as npt

KIND = "kNearestNeighborsClassifier"
"""What ``Model.WhichOneof("Type")`` calls such a model."""

INDEXES = {"linearIndex": "linear", "singleKdTreeIndex": "kd_tree"}
WEIGHTINGS = {"uniformWeighting": "uniform", "inverseDistanceWeighting": "inverse_distance"}
DISTANCES = {"squaredEuclideanDistance": "squared_euclidean"}
"""What the format calls them -> what coremltools' ``KNearestNeighborsClassifierBuilder`` does."""

_FLOAT_SAMPLES = 2
"""The number of ``NearestNeighborsIndex.floatSamples``."""


@dataclass(frozen=True, eq=False)
class Neighbors:
    """A k-nearest-neighbours classifier that can be used.

    Attributes:
        dimensions: numbers in a sample.
        samples: ``[n, dimensions]``, float32.
        labels: of each sample its class, n texts or n whole numbers.
        default_label: the answer while there are no samples; None if the file has none.
        count: how many neighbours decide, unless the app chooses another number.
        choices: the numbers of neighbours that an app may choose, in the order of the file.
        index: how neighbours are looked up, "linear" or "kd_tree"; the answer is the same.
        leaf_size: samples in a leaf of the k-d tree; 0 for a linear index.
        weighting: what a neighbour's vote weighs, "uniform" or "inverse_distance".
        distance: "squared_euclidean", the only one that the format knows.
    """

    dimensions: int
    samples: Floats
    labels: tuple[str, ...] | tuple[int, ...]
    default_label: str | int | None
    count: int
    choices: range | tuple[int, ...]
    index: str
    leaf_size: int
    weighting: str
    distance: str

    @property
    def classes(self) -> tuple[str, ...] | tuple[int, ...]:
        """The classes of the samples, each once, in the order in which they first appear."""
        return tuple(dict.fromkeys(self.labels))  # type: ignore[return-value]


def read(model: Message) -> Neighbors:
    """Return what the k-nearest-neighbours classifier `model` holds.

    Raises:
        ModelFileError: it is of another kind, or a part is missing or contradicts another.
    """
    if model.WhichOneof("Type") != KIND:
        raise ModelFileError(f"is a {model.WhichOneof('Type')}, no k-nearest-neighbours classifier")
    params = getattr(model, KIND)
    index = params.nearestNeighborsIndex
    found = samples(index)
    named = labels(params)
    if len(named) != len(found):
        raise _broken(f"has {len(named)} labels for {len(found)} samples")
    if params.numberOfNeighbors.defaultValue < 1:
        raise _broken(f"asks {params.numberOfNeighbors.defaultValue} neighbors")
    return Neighbors(
        dimensions=index.numberOfDimensions,
        samples=found,
        labels=named,
        default_label=default_label(params),
        count=params.numberOfNeighbors.defaultValue,
        choices=choices(params.numberOfNeighbors),
        index=_known(index, "IndexType", INDEXES, "index"),
        leaf_size=index.singleKdTreeIndex.leafSize,
        weighting=_known(params, "WeightingScheme", WEIGHTINGS, "weighting scheme"),
        distance=_known(index, "DistanceFunction", DISTANCES, "distance"),
    )


def labels(params: Message) -> tuple[str, ...] | tuple[int, ...]:
    """Return the label of each sample of a ``KNearestNeighborsClassifier``."""
    kind = params.WhichOneof("ClassLabels")
    return tuple(getattr(params, kind).vector) if kind else ()


def default_label(params: Message) -> str | int | None:
    """Return what a ``KNearestNeighborsClassifier`` without samples answers, None if it is mute.

    Raises:
        ModelFileError: it is a number among texts, or a text among numbers.
    """
    kind, default = params.WhichOneof("ClassLabels"), params.WhichOneof("DefaultClassLabel")
    if kind and default and ("Int64" in default) != ("int64" in kind):
        raise _broken("has labels and a default label of different types")
    label: str | int | None = getattr(params, default) if default else None
    return label


def label_type(model: Message) -> str | None:
    """Return what the labels of a model that learns by neighbours are, "string" or "int64".

    None if `model`, which may be a pipeline, does not learn so.
    """
    last = learner(model)
    if last.WhichOneof("Type") != KIND:
        return None
    params = getattr(last, KIND)
    kind = params.WhichOneof("ClassLabels") or params.WhichOneof("DefaultClassLabel") or ""
    return "int64" if "int64" in kind.lower() else "string"


def choices(parameter: Message) -> range | tuple[int, ...]:
    """Return the numbers of neighbours that an app may choose; all, if the file does not say."""
    kind = parameter.WhichOneof("AllowedValues")
    if kind == "set":
        return tuple(parameter.set.values)
    if kind == "range":
        return range(parameter.range.minValue, parameter.range.maxValue + 1)
    return range(1, LARGEST_INTEGER + 1)


def samples(index: Message) -> Floats:
    """Return the samples of a ``NearestNeighborsIndex``, ``[n, dimensions]``.

    They are cut from its wire form, where all of them take the same number of bytes.

    Raises:
        ModelFileError: a sample is of another length, or the dimensions are not positive.
    """
    import numpy as np

    count, dimensions = len(index.floatSamples), index.numberOfDimensions
    if dimensions < 1:
        raise _broken(f"compares vectors of {dimensions} dimensions")
    for place, sample in enumerate(index.floatSamples):
        if len(sample.vector) != dimensions:
            length = len(sample.vector)
            raise _broken(f"compares {dimensions} dimensions, but sample {place} has {length}")
    before = _before_sample(dimensions)
    # The field of lower number, the dimensions, comes first.
    start = len(type(index)(numberOfDimensions=dimensions).SerializeToString())
    rows = np.frombuffer(index.SerializeToString(), np.uint8, count * _size(dimensions), start)
    values: Floats = rows.reshape(count, _size(dimensions))[:, len(before) :].copy().view("<f4")
    return values


def put_samples(
    params: Message, array: npt.NDArray[np.float32], of: Sequence[str] | Sequence[int]
) -> None:
    """Put `array`, ``[n, dimensions]``, and the labels `of` its rows into `params`.

    `params` is a ``KNearestNeighborsClassifier``; what it held of both is gone. Labels are all
    texts or all whole numbers, as its default label is.

    Raises:
        ValueError: the array or the number of labels does not fit.
    """
    import numpy as np

    index = params.nearestNeighborsIndex
    dimensions = index.numberOfDimensions
    if array.shape != (len(of), dimensions):
        raise ValueError(f"{array.shape} samples for {len(of)} labels of {dimensions} dimensions")
    before = _before_sample(dimensions)
    wire = np.empty((len(array), _size(dimensions)), np.uint8)
    wire[:, : len(before)] = np.frombuffer(before, np.uint8)
    wire[:, len(before) :] = np.ascontiguousarray(array, "<f4").view(np.uint8)
    index.ClearField("floatSamples")
    index.MergeFromString(wire.data.cast("B", (wire.size,)) if wire.size else b"")
    numbers = params.WhichOneof("DefaultClassLabel") == "defaultInt64Label" or (
        len(of) > 0 and not isinstance(of[0], str)
    )
    given = params.int64ClassLabels if numbers else params.stringClassLabels
    given.SetInParent()
    del given.vector[:]
    given.vector.extend(of)


def _before_sample(dimensions: int) -> bytes:
    """Return what precedes the values of each sample: its tag, and that of its only field."""
    inner = floats_prefix(dimensions)
    return prefix(_FLOAT_SAMPLES, len(inner) + 4 * dimensions) + inner


def _size(dimensions: int) -> int:
    return len(_before_sample(dimensions)) + 4 * dimensions


def _known(message: Message, oneof: str, words: dict[str, str], what: str) -> str:
    kind = message.WhichOneof(oneof)
    if kind is None:
        raise _broken(f"has no {what}")
    return words[kind]


def _broken(what: str) -> ModelFileError:
    return ModelFileError(f"the k-nearest-neighbours classifier {what}; Core ML would refuse it")
