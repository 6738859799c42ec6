"""The proof that the network of the pipeline gives the features that Keras computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.backend.keras import watched_calls
from converter.errors import ParityError
from converter.learning.answers import Answer
from converter.learning.network import Traced
from converter.lower.walk import Lowered
from converter.neighbors.build import VECTOR
from converter.neighbors.cut import Cut
from converter.proof import parity
from converter.proof.keras_model import keras_answers
from converter.proof.predictions import Expectation, drawn, most_varied
from converter.proof.samples import Look
from converter.recipe import Recipe
from converter.trace.layer_table import LayerTable
from converter.trace.program import Array, KerasLayer


def expected_features(
    model: Any, found: Traced, lowered: Lowered, at: Cut, recipe: Recipe
) -> Expectation:
    """Return what the network must give for random inputs: what Keras's layer does.

    Raises:
        ParityError: the Keras model cannot be run, or its layer gives what is no number.
    """

    def expected(look: Look) -> Expectation:
        inputs, batch = drawn(model, found, lowered, recipe, look)
        answer = Answer(features_of_keras(model, batch, at.layer))
        return Expectation(inputs, VECTOR, answer, False, parity.variation(answer, False))

    return most_varied(found, expected)


def features_of_keras(model: Any, batch: list[Array], layer: KerasLayer) -> Array:
    """Return what `layer` of the live Keras `model` gives for `batch`, ``[N, C]``.

    Raises:
        ParityError: the model cannot be run, or the layer gives what is no number.
    """
    table, caught = LayerTable(model), list[Any]()

    def watch(called: Any, outputs: list[Any]) -> None:
        if table.known(called) == layer and len(outputs[0]) == len(batch[0]):
            caught.append(outputs[0])

    with watched_calls(watch):
        keras_answers(model, batch)
    if not caught:
        raise ParityError(f"{layer} takes one sample only; convert with --no-verify")
    values = np.asarray(caught[0], np.float32).reshape(len(batch[0]), -1)
    if not np.isfinite(values).all():
        raise ParityError(f"{layer} gives NaN or infinity for ordinary inputs")
    return values
