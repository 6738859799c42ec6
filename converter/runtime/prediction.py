"""Running a model: arrays in, arrays out, as Core ML's ``prediction(from:)``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from converter.coreml.indices import MOVES
from converter.coreml.mlmodel import Message
from converter.errors import DataError
from converter.runtime import arrays, network
from converter.runtime.backend import Array
from converter.runtime.layers.normalization import is_by_batch
from converter.runtime.sources import (
    ArraySamples,
    FrozenFeatures,
    InputBlobs,
    Samples,
    computed,
)


def predict(model: Message, inputs: Mapping[str, Array], batch_size: int = 32) -> dict[str, Array]:
    """Return the outputs of `model` for N samples.

    Args:
        model: a ``Model`` message holding a neural network in the classic form.
        inputs: by name; arrays ``[N, C, H, W]`` or ``[N, C]`` as the model declares them, images
            as pixels ``[N, H, W, channels]``, 0..255, red first. The network's own colour order
            and preprocessing are applied here.
        batch_size: how many samples are computed at once. It has no influence on the result, but
            where a batch normalization computes its own mean: see `depends_on_batch`.

    Returns:
        By name: a blob ``[C, 1, 1]`` as ``[N, C]``, any other as ``[N, C, H, W]``, float32. Of a
        classifier the probabilities ``[N, classes]`` in the order of its labels, and the predicted
        feature as an array of labels.

    Raises:
        ModelFileError: the network cannot be run.
        DataError: an input is missing or does not have the declared shape.
    """
    counts = {name: len(np.atleast_1d(array)) for name, array in inputs.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"the inputs hold different numbers of samples: {counts}")
    return predict_samples(model, ArraySamples(inputs), batch_size)


def depends_on_batch(model: Message) -> str | None:
    """Return by which layer the answers depend on how many samples are computed at once, if any.

    It is a batch normalization that computes its mean from the samples that it is given together.
    An app that asks for one answer at a time gives it one.
    """
    net = network.checked_network(model)
    given = {feature.name for feature in model.description.input}
    layers = network.layers_between(net.layers, given, arrays.output_blob_names(model, net))
    return next((str(layer.name) for layer in layers if is_by_batch(layer)), None)


def is_distribution(model: Message, name: str) -> bool:
    """Tell whether the output `name` holds probabilities of classes: what a softmax makes."""
    net = network.checked_network(model)
    blob = arrays.blob_of(model, net, name)
    makers = {output: layer for layer in net.layers for output in layer.output}
    while blob in makers and makers[blob].WhichOneof("layer") in MOVES:
        blob = makers[blob].input[0]
    return blob in makers and makers[blob].WhichOneof("layer") == "softmax"


def predict_samples(model: Message, samples: Samples, batch_size: int = 32) -> dict[str, Array]:
    """Return the outputs of `model` as `predict` does, reading samples batch by batch.

    Raises:
        ModelFileError: the network cannot be run.
        DataError: there are no samples, or they do not have the declared shape.
    """
    net = network.checked_network(model)
    wanted = arrays.output_blob_names(model, net)
    given = {feature.name for feature in model.description.input}
    layers = network.layers_between(net.layers, given, wanted)
    source = InputBlobs(model, samples)
    if not len(source):
        source.take(np.arange(0))  # says what is missing
    blobs = FrozenFeatures(source, layers, wanted, batch_size, once=True)
    parts = [batch for _, batch in computed(blobs, batch_size)]
    found = {name: np.concatenate([batch[name] for batch in parts]) for name in wanted}
    return arrays.outputs(model, net, found)
