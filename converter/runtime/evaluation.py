"""How well a model answers, whether it is updatable or not."""

from __future__ import annotations

import math

from converter.coreml.mlmodel import CROSS_ENTROPY, SQUARED_ERROR, Message
from converter.coreml.subject import loss_of
from converter.errors import DataError, ModelFileError, UsageError
from converter.runtime.backend import CPU, tf
from converter.runtime.history import Labelled
from converter.runtime.joining import joined
from converter.runtime.loop import Score, scoring
from converter.runtime.network import layers_between
from converter.runtime.plan import Plan, logits
from converter.runtime.sources import computed, source
from converter.runtime.targets import targets
from converter.runtime.training import blob_shape
from converter.runtime.weights import StoredWeights


def evaluate(model: Message, data: Labelled, batch_size: int = 32) -> Score:
    """Return the mean loss of `model` over `data`, and how often its first class is right.

    The loss is the one the model is updated with; of other models cross-entropy if they end in a
    softmax, else mean squared error.

    Raises:
        ModelFileError: the network cannot be run, has several outputs and no loss, or does not
            answer with numbers.
        DataError: samples or labels do not fit the model.

    `batch_size` matters where `converter.runtime.depends_on_batch` names a layer.
    """
    if len(data.samples) != len(data.y):
        raise DataError(f"there are {len(data.samples)} samples, but {len(data.y)} labels")
    if batch_size < 1:
        raise UsageError(f"batch_size {batch_size}: must be 1 or more")
    whole = judged(model)
    blobs = source(model, whole, data.samples, batch_size)
    answers = targets(model, whole, data.y, blob_shape(whole, blobs))
    step, loss, right = scoring(whole, StoredWeights()), 0.0, 0.0
    with tf.device(CPU):
        for part, found in computed(blobs, batch_size):
            tensors = {name: tf.constant(blob) for name, blob in found.items()}
            losses, hits = step(tensors, tf.constant(answers[part]))
            loss, right = loss + float(tf.reduce_sum(losses)), right + float(hits)
    if not math.isfinite(loss):
        raise ModelFileError("the loss is no number: the model does not answer with numbers")
    total = len(blobs)
    return Score(loss / total, right / total if whole.loss == CROSS_ENTROPY else None)


def judged(model: Message) -> Plan:
    """Return a plan in which nothing learns: all layers lie below the loss, none after.

    Raises:
        ModelFileError: the network cannot be run, or has several outputs and no loss.
    """
    whole = joined(model)
    if whole.last.updateParams.lossLayers:
        stored = loss_of(whole.last)
        loss, target = stored.kind, stored.target
        output = whole.blobs.get(stored.input, stored.input)
    else:
        if len(whole.wanted) != 1:
            raise ModelFileError(
                f"the model has {len(whole.wanted)} outputs and no loss to judge it by"
            )
        (output,), target = whole.wanted, ""
        kinds = {layer.kind for layer in whole.layers if output in layer.output}
        loss = CROSS_ENTROPY if kinds == {"softmax"} else SQUARED_ERROR
    blob = logits(whole.layers, output) if loss == CROSS_ENTROPY else output
    layers = layers_between(whole.layers, whole.given, [blob])
    return Plan(loss, blob, output, target, layers, (), [blob], ())
