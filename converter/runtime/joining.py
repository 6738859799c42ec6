"""A model as one list of layers, whatever models it consists of.

A pipeline hands features from model to model by name. Here the layers of all its networks follow
one another, and each blob has a name that no other has: ``number:name``, the number that of the
network. So nothing else in the runtime knows of pipelines: a frozen layer is frozen wherever it
stands, all of them run in one graph and once, a blob goes with its last use, and what no answer
needs is left out. Run one after the other, every model would need all of that again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from converter.coreml import mlmodel, neighbors, shapes
from converter.coreml.features import is_classifier, labels
from converter.coreml.mlmodel import Message
from converter.coreml.pipelines import members
from converter.errors import ModelFileError
from converter.runtime.joined import Input, Joined, Output
from converter.runtime.neighbors import Search
from converter.runtime.network import Layer, checked_network


def joined(model: Message) -> Joined:
    """Return `model` as one list of layers.

    Raises:
        ModelFileError: a model in it is neither a neural network nor a k-nearest-neighbours
            classifier, or one that cannot be run here; a feature is taken that nothing makes, or in
            another form; there are no outputs.
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
    if model.WhichOneof("Type") == neighbors.KIND:
        return _search(model, features, found)
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
        made = _taken(feature, features)
        given = Input(f"{scope}{feature.name}", feature, net.preprocessing)
        blobs[feature.name] = made.blob if made else given.blob
        if made is None:
            found.inputs.append(given)
    for layer in net.layers:
        taken = tuple(blobs.get(name, f"{scope}{name}") for name in layer.input)
        blobs.update({name: f"{scope}{name}" for name in layer.output})
        outputs = tuple(blobs[name] for name in layer.output)
        found.layers.append(Layer(layer, taken, outputs, found.networks, "/".join(path)))
    found.last, found.blobs = net, blobs
    return dict(_outputs(model, net, blobs, sizes))


def _search(model: Message, features: Features, found: Joined) -> dict[str, Output]:
    known = neighbors.read(model)
    if len(model.description.input) != 1:
        raise ModelFileError(
            f"the k-nearest-neighbours classifier has {len(model.description.input)} inputs; Core "
            "ML knows those with one"
        )
    (feature,) = model.description.input
    _check_search(feature, known)
    made = _taken(feature, features)
    scope = f"search {len(found.searches)}:"
    given = Input(f"{scope}{feature.name}", feature, ())
    if made is None:
        found.inputs.append(given)
    search = Search(known, made.blob if made else given.blob, f"{scope}all", f"{scope}best")
    found.searches.append(search)
    described = model.description
    outputs = {
        described.predictedFeatureName: Output(search.best, None, False, search.classes),
        described.predictedProbabilitiesName: Output(search.probabilities, None, False),
    }
    for output in described.output:
        if output.name not in outputs:
            raise ModelFileError(
                f"the output '{output.name}' is neither the predicted class nor the probabilities"
            )
    return {output.name: outputs[output.name] for output in described.output}


def _check_search(feature: Message, known: neighbors.Neighbors) -> None:
    """Check that samples can be compared with `feature`.

    Raises:
        ModelFileError: it has another number of values, or a sample holds what is no number.
    """
    declared = shapes.declared_shape(feature.type) or ()
    sizes = [size for size in declared if size is not None]
    if len(sizes) == len(declared) > 0 and math.prod(sizes) != known.dimensions:
        raise ModelFileError(
            f"takes '{feature.name}' of {math.prod(sizes)} values, but its samples have "
            f"{known.dimensions}"
        )
    odd = np.flatnonzero(~np.isfinite(known.samples).all(axis=1))
    if odd.size:
        raise ModelFileError(f"sample {odd[0]} of the classifier holds NaN or infinity")


def _taken(feature: Message, features: Features) -> Output | None:
    """Return what the input `feature` of a model is made by; None if it is given.

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
    shape = shapes.declared_shape(feature.type)
    if shape is not None and len(shape) == 1:
        shape = (*shape, 1, 1)
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
