"""Running a model: arrays in, arrays out, as Core ML's ``prediction(from:)``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from converter.mlmodel import Message
from converter.runtime import features, network
from converter.runtime.backend import tf
from converter.runtime.features import Array
from converter.runtime.layers.shape import repeated
from converter.runtime.weights import StoredWeights


def predict(model: Message, inputs: Mapping[str, Array], batch_size: int = 32) -> dict[str, Array]:
    """Return the outputs of `model` for N samples.

    Args:
        model: a ``Model`` message holding a neural network in the classic form.
        inputs: by name; arrays ``[N, C, H, W]`` or ``[N, C]`` as the model declares them, images
            as pixels ``[N, H, W, channels]``, 0..255, red first. The network's own colour order
            and preprocessing are applied here.
        batch_size: how many samples are computed at once. It has no influence on the result.

    Returns:
        By name: a blob ``[C, 1, 1]`` as ``[N, C]``, any other as ``[N, C, H, W]``, float32. Of a
        classifier the probabilities ``[N, classes]`` in the order of its labels, and the predicted
        feature as an array of labels.

    Raises:
        ModelFileError: the network cannot be run.
        DataError: an input is missing or does not have the declared shape.
    """
    net = network.checked_network(model)
    blobs = features.input_blobs(model, net, inputs)
    total = len(next(iter(blobs.values())))
    wanted = features.output_blob_names(model, net)
    layers = network.layers_between(net.layers, blobs, wanted)
    weights = StoredWeights(keep=total > batch_size)
    parts: dict[str, list[Array]] = {name: [] for name in wanted}
    with tf.device("/CPU:0"):
        for part in features.batches(total, batch_size):
            given = {name: tf.constant(blob[part]) for name, blob in blobs.items()}
            found = network.run(layers, given, weights, wanted)
            for name, blob in found.items():
                parts[name].append(repeated(blob, part.stop - part.start).numpy())
    return features.outputs(model, net, {n: np.concatenate(arrays) for n, arrays in parts.items()})
