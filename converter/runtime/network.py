"""Walking through the layers of a network, blob by blob."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Sequence

from converter.coreml.mlmodel import Message, NeuralNetwork_pb2, network
from converter.errors import ModelFileError
from converter.runtime.backend import Tensor, tf
from converter.runtime.layers import LAYERS

Weights = Callable[[Message, str, Sequence[int]], Tensor]
"""Layer, field and shape to the values, such as `StoredWeights`."""


def checked_network(model: Message) -> Message:
    """Return the network inside `model`, once it is clear that it can be run here.

    Raises:
        ModelFileError: the model is no neural network, or maps arrays to blobs in another way than
            `[C]` and `[C, H, W]`, or holds a layer of an unknown kind.
    """
    net = network(model)
    if net is None:
        raise ModelFileError(
            f"the model is a {model.WhichOneof('Type')}; the reference runtime runs neural networks"
        )
    if net.arrayInputShapeMapping != NeuralNetwork_pb2.RANK5_ARRAY_MAPPING:
        raise ModelFileError(
            "the network maps its inputs to arrays of any rank; the reference runtime runs the "
            "classic form, [C] or [C,H,W]"
        )
    for layer in net.layers:
        if layer.WhichOneof("layer") not in LAYERS:
            raise ModelFileError(
                f"layer '{layer.name}': the reference runtime has no layer of kind "
                f"{layer.WhichOneof('layer')}"
            )
    return net


def layers_between(
    layers: Sequence[Message], given: Collection[str], wanted: Iterable[str]
) -> list[Message]:
    """Return the layers that lead from the blobs `given` to those `wanted`, in their order.

    Raises:
        ModelFileError: a blob is neither given nor made by a layer.
    """
    needed, chosen = set(wanted) - set(given), []
    for layer in reversed(layers):
        if needed.intersection(layer.output):
            chosen.append(layer)
            needed.update(set(layer.input) - set(given))
    missing = needed.difference(*(layer.output for layer in chosen))
    if missing:
        raise ModelFileError(f"the network makes no blob '{min(missing)}', which is needed")
    return chosen[::-1]


def run(
    layers: Sequence[Message], given: dict[str, Tensor], weights: Weights, wanted: Collection[str]
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


def run_layer(layer: Message, inputs: list[Tensor], weights: Weights) -> list[Tensor]:
    """Run one layer.

    Raises:
        ModelFileError: its parameters do not fit its inputs.
    """
    kind = layer.WhichOneof("layer")
    try:
        outputs = LAYERS[kind](layer, inputs, functools.partial(weights, layer))
    except (ValueError, IndexError, tf.errors.InvalidArgumentError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelFileError(
            f"layer '{layer.name}' ({kind}): its parameters do not fit its input ({reason})"
        ) from error
    return outputs if isinstance(outputs, list) else [outputs]
