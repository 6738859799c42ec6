"""Pipelines made from single networks, so that both must answer and learn alike."""

import itertools

from converter.coreml import mlmodel, shapes
from converter.coreml.mlmodel import Model_pb2


def split(model, *cuts, known=None):
    """Return `model`, a network, as a pipeline of networks that begin at the layers `cuts`.

    The members know features by the names of the blobs at the cuts; all other blobs are called
    b0, b1, … anew in each of them, so that names coincide. `known` are shapes that the file of the
    network leaves open.
    """
    layers = list(model.neuralNetwork.layers)
    starts = [0, *([layer.name for layer in layers].index(cut) for cut in cuts), len(layers)]
    sizes = shapes.blob_shapes(model) | (known or {})
    whole = Model_pb2.Model(specificationVersion=4, isUpdatable=model.isUpdatable)
    whole.description.CopyFrom(model.description)
    parts = whole.pipeline
    ends = {f.name: f for f in (*model.description.input, *model.description.output)}
    for start, end in itertools.pairwise(starts):
        inside, before, after = layers[start:end], layers[:start], layers[end:]
        made = {name for layer in inside for name in layer.output}
        earlier = {name for layer in before for name in layer.output} | set(ends)
        taken = dict.fromkeys(n for lay in inside for n in lay.input if n in earlier - made)
        later = {name for layer in after for name in layer.input}
        given = dict.fromkeys(n for lay in inside for n in lay.output if n in later | set(ends))
        member = parts.models.add(specificationVersion=4)
        for names_, features in ((taken, member.description.input),
                                 (given, member.description.output)):  # fmt: skip
            for name in names_:
                _describe(features.add(name=name), ends.get(name), sizes[name])
        _fill(member, inside, {*taken, *given})
    last = parts.models[-1]
    last.isUpdatable = model.isUpdatable
    last.neuralNetwork.updateParams.CopyFrom(model.neuralNetwork.updateParams)
    inputs = {feature.name for feature in model.description.input}
    targets = [f for f in model.description.trainingInput if f.name not in inputs]
    last.description.trainingInput.extend([*last.description.input, *targets])
    parts.names.extend(f"part{i}" for i in range(len(parts.models)))
    return whole


def _describe(feature, known, shape):
    if known is not None:
        feature.CopyFrom(known)
        return
    array = feature.type.multiArrayType
    array.dataType = array.FLOAT32
    array.shape.extend(shape[:1] if shape[1:] == (1, 1) else shape)


def _fill(member, layers, kept):
    net = member.neuralNetwork
    names = {}
    for layer in layers:
        copy = net.layers.add()
        copy.CopyFrom(layer)
        for blobs in (copy.input, copy.output):
            renamed = [name if name in kept else names.setdefault(name, f"b{len(names)}")
                       for name in blobs]  # fmt: skip
            del blobs[:]
            blobs.extend(renamed)


def stored(model):
    """Return the weights of all layers that learn, by layer and field."""
    net = mlmodel.network(model)
    return {
        (layer.name, field): mlmodel.floats(getattr(mlmodel.layer_params(layer), field))
        for layer in net.layers
        if layer.isUpdatable
        for field in ("weights", "bias")
    }
