"""Running a model: arrays in, arrays out, as Core ML's ``prediction(from:)``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from converter.coreml.indices import MOVES
from converter.coreml.mlmodel import Floats, Message
from converter.errors import DataError, ModelFileError
from converter.runtime import arrays
from converter.runtime.backend import Array
from converter.runtime.joined import Joined
from converter.runtime.joining import joined
from converter.runtime.layers.normalization import is_by_batch
from converter.runtime.network import layers_between
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
        model: a ``Model`` message holding a neural network in the classic form, a
            k-nearest-neighbours classifier, or a pipeline of such.
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
    whole = joined(model)
    layers = layers_between(whole.layers, whole.given, whole.wanted)
    return next((layer.name for layer in layers if is_by_batch(layer.message)), None)


def is_distribution(model: Message, name: str) -> bool:
    """Tell whether the output `name` holds probabilities of classes: what a softmax makes."""
    whole = joined(model)
    blob = whole.outputs[name].blob
    if any(blob in search.made for search in whole.searches):
        return True
    makers = {output: layer for layer in whole.layers for output in layer.output}
    while blob in makers and makers[blob].kind in MOVES:
        blob = makers[blob].input[0]
    return blob in makers and makers[blob].kind == "softmax"


def predict_samples(model: Message, samples: Samples, batch_size: int = 32) -> dict[str, Array]:
    """Return the outputs of `model` as `predict` does, reading samples batch by batch.

    Raises:
        ModelFileError: the network cannot be run.
        DataError: there are no samples, or they do not have the declared shape.
    """
    whole = joined(model)
    parts = [
        {name: arrays.output(which, blobs) for name, which in whole.outputs.items()}
        for blobs in _computed(model, whole, whole.wanted, samples, batch_size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in whole.outputs}


def predict_with_before(
    model: Message, inputs: Mapping[str, Array], output: str
) -> tuple[Array, Array | None]:
    """Return the output (or probabilities) `output` of `model`, and what stands before its end.

    The end is a softmax or an activation; None where there is none, or nothing before it.

    Raises:
        ModelFileError: there is no such output, or the network cannot be run.
        DataError: an input is missing or does not have the declared shape.
    """
    whole = joined(model)
    if output not in whole.outputs:
        raise ModelFileError(f"the model has no output '{output}'")
    which = whole.outputs[output]
    before = _before(whole, which.blob)
    wanted = [which.blob, *([before] if before else [])]
    parts = list(_computed(model, whole, wanted, ArraySamples(inputs), 32))
    values = np.concatenate([arrays.output(which, blobs) for blobs in parts])
    if before is None:
        return values, None
    return values, np.concatenate([arrays.as_array(blobs[before]) for blobs in parts])


def features_below(model: Message, inputs: Mapping[str, Array], output: str) -> Array:
    """Return what the last inner product before `output` takes: ``[N, F]`` or ``[N, C, H, W]``.

    Raises:
        ModelFileError: there is none, or the network cannot be run.
        DataError: an input is missing or does not have the declared shape.
    """
    whole = joined(model)
    makers = {made: layer for layer in whole.layers for made in layer.output}
    blob = whole.outputs[output].blob
    while blob in makers and makers[blob].kind != "innerProduct":
        blob = makers[blob].input[0]
    if blob not in makers:
        raise ModelFileError(f"no inner product makes the output '{output}'")
    features = makers[blob].input[0]
    parts = _computed(model, whole, [features], ArraySamples(inputs), 32)
    return np.concatenate([arrays.as_array(blobs[features]) for blobs in parts])


def _before(whole: Joined, blob: str) -> str | None:
    makers = {output: layer for layer in whole.layers for output in layer.output}
    if blob not in makers or makers[blob].kind not in ("softmax", "activation"):
        return None
    found = makers[blob].input[0]
    return found if found in makers else None


def _computed(
    model: Message, whole: Joined, wanted: Sequence[str], samples: Samples, batch_size: int
) -> Iterator[dict[str, Floats]]:
    """Yield the blobs `wanted` of all samples, batch by batch."""
    layers = layers_between(whole.layers, whole.given, wanted)
    source = InputBlobs(model, samples)
    if not len(source):
        source.take(np.arange(0))  # says what is missing
    blobs = FrozenFeatures(source, layers, wanted, batch_size, once=True)
    for _, batch in computed(blobs, batch_size):
        for search in whole.searches:
            if search.features in wanted:
                batch |= search.blobs(batch[search.features])
        yield batch
