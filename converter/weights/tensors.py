"""The weights of a model by name, as Keras has them: ``dense_5/kernel``, ``dense_5/bias``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.coreml.keras_order import KerasOrder, KerasOrders, stored_shape
from converter.coreml.kinds import PARAMETER_KEYS, learning_weights
from converter.coreml.mlmodel import Floats, Message, floats, layer_params, network, set_floats
from converter.coreml.pipelines import learner
from converter.errors import DataError, ModelFileError, TrainingError

NAMES = {"weights": "kernel", "bias": "bias"}
"""``WeightParams`` of a layer -> what Keras calls it."""

FIELDS = tuple(PARAMETER_KEYS.values())
"""The ``WeightParams`` of a layer in the order in which Keras lists its weights."""


@dataclass(frozen=True)
class Tensor:
    """One ``WeightParams``, ``field`` of `layer`, and how it stands in Keras."""

    layer: Message
    field: str
    order: KerasOrder

    @property
    def name(self) -> str:
        """Such as ``dense_5/kernel``."""
        return f"{self.layer.name}/{NAMES[self.field]}"

    @property
    def learns(self) -> bool:
        """Whether an update changes it."""
        return bool(self.layer.isUpdatable)

    @property
    def stored(self) -> Message:
        """The ``WeightParams`` in the model."""
        params: Message = getattr(layer_params(self.layer), self.field)
        return params

    @property
    def size(self) -> int:
        """How many numbers Core ML stores."""
        return math.prod(stored_shape(self.layer, self.field))

    def get(self) -> Floats:
        """Return the values in Keras's shape and order."""
        return self.order.to_keras(self.values())

    def values(self) -> Floats:
        """Return the values as Core ML stores them, ``[n]``.

        Raises:
            ModelFileError: they are fewer or more than the layer says, quantized, or learn without
                being stored in 32 bits.
        """
        named, found = f"layer '{self.layer.name}': its {NAMES[self.field]}", floats(self.stored)
        if self.learns and not self.stored.floatValue:
            raise ModelFileError(
                f"{named} is not stored in 32-bit floats, which Core ML needs to update it"
            )
        if len(found) != self.size:
            kind = "quantized" if self.stored.rawValue else f"{len(found)} of {self.size}"
            raise ModelFileError(f"{named} has {kind} values")
        return found

    def put(self, array: npt.NDArray[Any]) -> None:
        """Let the values be `array`, in Keras's shape and order.

        What is there already stays to the bit, where two rows stand for one unit, too.
        """
        if not np.array_equal(self.get(), array):
            set_floats(self.stored, self.order.to_core_ml(array))


def tensors(model: Message, *, frozen: bool = False) -> list[Tensor]:
    """Return the tensors of `model` that learn, and with `frozen` also those that could.

    They are the kernels and biases of convolutions and dense layers, in the order of the file; of a
    pipeline those of its last model, which is the one that learns.

    Raises:
        TrainingError: nothing learns, or what learns has no weights.
        ModelFileError: a layer contradicts itself, or two have one name.
    """
    member = learner(model)
    net = network(member)
    if net is None:
        raise TrainingError(_no_network(member))
    orders = KerasOrders(model, member)
    found = [
        Tensor(layer, field, orders.of(layer, field))
        for layer in net.layers
        if layer.isUpdatable or frozen
        for field in FIELDS
        if field in learning_weights(layer)
    ]
    if not found:
        raise TrainingError(
            "the model has no convolution and no dense layer" if frozen else
            "the model is not updatable, so none of its weights learns; convert it with "
            "make-updatable"
        )  # fmt: skip
    _check(found)
    return found


def _no_network(member: Message) -> str:
    kind = member.WhichOneof("Type")
    if kind == "kNearestNeighborsClassifier":
        return (
            "the model learns by its nearest neighbours: it keeps samples and has no weights that "
            "learn"
        )
    return f"the model that learns is a {kind}; only neural networks have weights that learn"


def _check(found: Sequence[Tensor]) -> None:
    names: set[str] = set()
    for tensor in found:
        if tensor.name in names:
            raise ModelFileError(
                f"two layers are called '{tensor.layer.name}', so their weights cannot be told "
                "apart; give each a name of its own"
            )
        names.add(tensor.name)


def weights(model: Message, *, frozen: bool = False) -> dict[str, Floats]:
    """Return copies of the `tensors` of `model` by name, in Keras's shape and order."""
    return {tensor.name: tensor.get().copy() for tensor in tensors(model, frozen=frozen)}


def put(model: Message, given: Mapping[str, npt.NDArray[Any]]) -> None:
    """Let the weights of `model` that learn be those that are `given`, by name.

    Frozen ones may be given, too, if they are equal. All is checked before anything is changed.

    Raises:
        DataError: a tensor is missing, unknown, frozen and another, of another shape, or holds what
            is no number.
    """
    known = {tensor.name: tensor for tensor in tensors(model, frozen=True)}
    missing = [name for name, tensor in known.items() if tensor.learns and name not in given]
    if unknown := [name for name in given if name not in known]:
        raise DataError(f"'{unknown[0]}' is no weight of the model; it has {', '.join(known)}")
    if missing:
        raise DataError(f"'{missing[0]}' is missing; give all weights that learn")
    arrays = {name: checked(name, array, known[name].order.shape) for name, array in given.items()}
    for name, array in arrays.items():
        if not known[name].learns and not np.array_equal(known[name].get(), array):
            raise DataError(f"'{name}' is frozen in the model, and given with other values")
    for name, array in arrays.items():
        if known[name].learns:
            known[name].put(array)


def checked(name: str, given: Any, shape: tuple[int, ...]) -> Floats:
    """Return the weights `given` for the tensor `name` as float32, once they fit.

    Raises:
        DataError: they are no array of numbers of this `shape`, or a number is too large or none.
    """
    try:
        array = np.asarray(given)
    except ValueError:  # lists of different lengths
        raise DataError(f"'{name}': is no array of numbers") from None
    if array.dtype.kind not in "fiu":
        raise DataError(f"'{name}': holds {array.dtype}, not numbers")
    if array.shape != shape:
        raise DataError(f"'{name}': has the shape {list(array.shape)}, not {list(shape)}")
    with np.errstate(over="ignore"):
        found = array.astype(np.float32)
    if not np.isfinite(found).all():
        raise DataError(f"'{name}': holds a value that is no finite number in 32 bits")
    return found
