"""Walking through the layers of a network, blob by blob."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from google.protobuf.descriptor import FieldDescriptor

from converter.coreml import shapes
from converter.coreml.mlmodel import Message, NeuralNetwork_pb2, layer_params, network
from converter.errors import ModelFileError
from converter.runtime.backend import Tensor, tf
from converter.runtime.layers import LAYERS

LARGEST_BLOB = 2**28
"""Values in one blob of one sample: a gigabyte, which no app on a phone has for it."""

ENDS = ("startIndex", "endIndex")
"""Parameters of ``slice`` that may lie outside of a blob, as in Python."""

INTEGERS = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
)

UNFIT = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
    tf.errors.OpError,
)
"""What computing with parameters that contradict each other or the input can end in."""


@dataclass(frozen=True)
class Layer:
    """A layer and the names of the blobs that it reads and makes, of which each names one blob.

    `network` counts the networks of the model, and `member` tells where in a pipeline it stands.
    """

    message: Message
    input: tuple[str, ...]
    output: tuple[str, ...]
    network: int = 1
    member: str = ""

    @property
    def kind(self) -> str | None:
        """The kind of the layer as the format spells it."""
        kind: str | None = self.message.WhichOneof("layer")
        return kind

    @property
    def name(self) -> str:
        """The name of the layer, which no other layer of its network has."""
        return str(self.message.name)

    def __str__(self) -> str:
        return f"layer '{self.name}'" + (f" of '{self.member}'" if self.member else "")


Weights = Callable[[Layer, str, Sequence[int]], Tensor]
"""Layer, field and shape to the values, such as `StoredWeights`."""


def checked_network(model: Message) -> Message:
    """Return the network inside `model`, once it is clear that it can be run here.

    Raises:
        ModelFileError: the model is no neural network, or maps arrays to blobs in another way than
            `[C]` and `[C, H, W]`, or a layer is of an unknown kind, lacks inputs or outputs, or
            needs more memory than there is.
    """
    net = network(model)
    if net is None:
        raise ModelFileError(
            f"the model is a {model.WhichOneof('Type') or 'model of no kind'}; the reference "
            "runtime runs neural networks, k-nearest-neighbours classifiers, and pipelines of them"
        )
    if net.arrayInputShapeMapping != NeuralNetwork_pb2.RANK5_ARRAY_MAPPING:
        raise ModelFileError(
            "the network maps its inputs to arrays of any rank; the reference runtime runs the "
            "classic form, [C] or [C,H,W]"
        )
    if not net.layers:
        raise ModelFileError("the network has no layers")
    for layer in net.layers:
        _check(layer)
    for name, shape in shapes.blob_shapes(model).items():
        if math.prod(size or 1 for size in shape or ()) > LARGEST_BLOB:
            raise ModelFileError(
                f"the blob '{name}' has {shapes.describe(shape)} values, more than fit in memory"
            )
    return net


def _check(layer: Message) -> None:
    """Refuse a layer that no other part of the runtime would have to expect.

    Raises:
        ModelFileError: its kind is unknown, it has no input or output, or a number is absurd.
    """
    kind = layer.WhichOneof("layer")
    if kind not in LAYERS:
        raise ModelFileError(
            f"layer '{layer.name}': the reference runtime has no layer of kind {kind}"
        )
    if not layer.output or not (layer.input or kind == "loadConstant"):
        raise ModelFileError(f"layer '{layer.name}' ({kind}): has no input, or no output")
    for name, number in _integers(layer_params(layer)):
        if abs(number) > LARGEST_BLOB and name not in ENDS:
            raise ModelFileError(
                f"layer '{layer.name}' ({kind}): its {name} is {number}, more than any blob holds"
            )


def _integers(params: Message) -> Iterator[tuple[str, int]]:
    """Yield every integer in `params` with the name of its field."""
    for field, value in params.ListFields():
        many = [value] if isinstance(value, (int, float, str, bytes)) else value
        if hasattr(value, "ListFields"):
            yield from _integers(value)
        elif field.message_type is not None:
            for part in many:
                yield from _integers(part)
        elif field.cpp_type in INTEGERS:
            yield from ((field.name, int(number)) for number in many)


def layers_between(
    layers: Sequence[Layer], given: Collection[str], wanted: Iterable[str]
) -> list[Layer]:
    """Return the layers that lead from the blobs `given` to those `wanted`, in their order.

    Raises:
        ModelFileError: a blob is neither given nor made by a layer before the one that reads it.
    """
    needed, chosen = set(wanted) - set(given), []
    for layer in reversed(layers):
        if needed.intersection(layer.output):
            chosen.append(layer)
            needed.difference_update(layer.output)
            needed.update(set(layer.input) - set(given))
    if needed:
        raise ModelFileError(f"the network makes no blob '{min(needed)}' before it is needed")
    return chosen[::-1]


def run(
    layers: Sequence[Layer], given: dict[str, Tensor], weights: Weights, wanted: Collection[str]
) -> dict[str, Tensor]:
    """Run `layers` on the blobs `given` and return those `wanted`; others are freed on the way."""
    blobs = dict(given)
    last_use = {name: index for index, layer in enumerate(layers) for name in layer.input}
    for index, layer in enumerate(layers):
        outputs = run_layer(layer, [blobs[name] for name in layer.input], weights)
        for name in {name for name in layer.input if last_use[name] == index} - set(wanted):
            del blobs[name]
        blobs.update(zip(layer.output, outputs, strict=True))
    return {name: blobs[name] for name in wanted}


def run_layer(layer: Layer, inputs: list[Tensor], weights: Weights) -> list[Tensor]:
    """Run one layer.

    Raises:
        ModelFileError: its parameters do not fit its inputs.
    """
    with refusing(f"{layer} ({layer.kind})"):
        compute = LAYERS[layer.kind or ""]
        found = compute(layer.message, inputs, functools.partial(weights, layer))
        outputs = found if isinstance(found, list) else [found]
        if len(outputs) != len(layer.output):
            raise ValueError(f"{len(outputs)} blobs come out, {len(layer.output)} are named")
    return outputs


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Make one clear error of what computing `what` with unfit parameters ends in.

    Raises:
        ModelFileError: the parameters do not fit the input.
    """
    try:
        yield
    except UNFIT as error:
        told = re.sub(r"\{\{.*?\}\}", "", str(error))  # how TensorFlow calls the function that runs
        reason = " ".join(told.strip().split("\n")[0].split())[:200] or type(error).__name__
        raise ModelFileError(f"{what}: its parameters do not fit its input ({reason})") from error
