"""Whether two models descend from the same file: all that an update does not change is equal."""

from __future__ import annotations

from collections.abc import Iterator

from converter.coreml.features import labels
from converter.coreml.mlmodel import Message, layer_params, network
from converter.coreml.pipelines import learner, members
from converter.weights.tensors import tensors


def without_learned(model: Message) -> Message:
    """Return a copy of `model` without the numbers that an update changes.

    Raises:
        TrainingError: nothing learns.
    """
    copy = type(model)()
    copy.CopyFrom(model)
    for tensor in tensors(copy):
        tensor.stored.ClearField("floatValue")
    return copy


def difference(first: Message, other: Message) -> str:
    """Return what else than learned weights differs, "" if nothing that matters does.

    Both come from `without_learned`. What a model says about itself, its version of the format and
    which hyperparameters it allows may differ: they do not change what its weights mean.
    """
    return next(_differences(first, other), "")


def _differences(first: Message, other: Message) -> Iterator[str]:
    ours, theirs = ([model, *(m for _, m in members(model))] for model in (first, other))
    kinds = [[part.WhichOneof("Type") for part in parts] for parts in (ours, theirs)]
    if kinds[0] != kinds[1]:
        yield "the kinds of the models differ"
        return
    if labels(learner(first)) != labels(learner(other)):
        yield "the class labels differ"
    for one, another in zip(ours, theirs, strict=True):
        net = network(one)
        if net is not None:
            yield from _in_networks(net, network(another))
        elif not members(one) and one != another:
            yield f"the {one.WhichOneof('Type')} in the pipeline differs"
    if _interface(first) != _interface(other):
        yield "the inputs or outputs differ"


def _in_networks(net: Message, other: Message) -> Iterator[str]:
    for index, layer in enumerate(net.layers):
        if index == len(other.layers) or other.layers[index].name != layer.name:
            yield f"the layers differ: '{layer.name}' is not in its place"
            return
    if len(other.layers) > len(net.layers):
        yield f"the layers differ: '{other.layers[len(net.layers)].name}' is one more"
    for layer, same in zip(net.layers, other.layers, strict=True):
        if layer != same:
            is_frozen = _without_weights(layer) == _without_weights(same)
            what = "the frozen weights of layer" if is_frozen else "the settings of layer"
            yield f"{what} '{layer.name}' differ"
    if list(net.preprocessing) != list(other.preprocessing):
        yield "what happens to the pixels of the input differs"
    if list(net.updateParams.lossLayers) != list(other.updateParams.lossLayers):
        yield "the losses differ"


def _without_weights(layer: Message) -> Message:
    copy = type(layer)()
    copy.CopyFrom(layer)
    if copy.WhichOneof("layer") is None:
        return copy
    for field, _ in layer_params(layer).ListFields():
        if field.message_type is not None and field.message_type.name == "WeightParams":
            layer_params(copy).ClearField(field.name)
    return copy


def _interface(model: Message) -> Message:
    """Return the description of `model` but for what it says about itself."""
    copy = type(model.description)()
    copy.CopyFrom(model.description)
    copy.ClearField("metadata")
    for feature in (*copy.input, *copy.output, *copy.trainingInput):
        feature.ClearField("shortDescription")
    return copy
