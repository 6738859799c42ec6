"""Classes that a trained Keras model does not know: a fresh last layer, or spare outputs in it.

Either is a Keras model of its own, which shares all layers below with the one given, so that what
follows, the proof included, is that of any model. It ends in a dense layer with softmax.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.backend.graphs import (
    DenseEnd,
    NoDenseEndError,
    dense_end,
    forget_last_call,
    holds,
    made_from,
    maker,
    with_end,
)
from converter.backend.tensorflow import keras
from converter.errors import UnsupportedError, UsageError
from converter.keras_file.compiled import Loss
from converter.keras_file.names import own_name
from converter.learning.answers import (
    Answer,
    as_it_is,
    logit_as_two,
    sigmoid_as_two,
    with_softmax,
)
from converter.learning.head import (
    CLASS_LOSSES,
    KERAS_BINARY,
    KERAS_CROSS_ENTROPY,
    KERAS_SQUARED_ERROR,
    VALUE_LOSSES,
)
from converter.recipe import Start
from converter.trace.layer_table import keras_layer
from converter.trace.program import Array

PASSING = (
    "Activation", "Dropout", "ELU", "Identity", "LeakyReLU", "PReLU", "ReLU", "Sigmoid", "Softmax",
)  # fmt: skip
"""Classes of layers, and of functions of ``keras.ops``, that may stand behind the last dense layer:
those of which nothing is left when another softmax takes their place."""

IDLE = ("Dropout", "Identity")
"""Those of them that change nothing at inference."""

SPARE_SHARE = 1e-5
"""Upper bound of the probability that all spare classes together have before they have learned."""

KEPT_PENALTIES = (
    "activity_regularizer", "bias_constraint", "bias_regularizer", "kernel_constraint",
    "kernel_regularizer",
)  # fmt: skip
"""Arguments of a dense layer that are told to the user, because Core ML has none of them."""


@dataclass(frozen=True)
class Ended:
    """A Keras `model` that ends in a dense layer with softmax, named `head`.

    `origin` is the model it comes from, `output` the number of that one's output, `end` how it
    ended. `kept` makes of its answer the probabilities of the classes that it knows; None if it
    keeps none of them. `note` says what was done.
    """

    model: Any
    head: str
    origin: Any
    output: int
    end: DenseEnd
    kept: Callable[[Answer], Answer] | None
    note: str

    def features(self, folded: Sequence[str]) -> Any:
        """Return a Keras model whose output is what the head takes.

        It is taken before the layers with names in `folded`, if these stand between.
        """
        names = {name.split("/")[-1] for name in folded}

        def below(dense_input: Any) -> Any:
            tensor = dense_input
            while own_name(maker(tensor).name) in names or type(maker(tensor)).__name__ in IDLE:
                (tensor,) = made_from(tensor)
            return tensor

        return with_end(self.origin, self.output, below)


def end_of(model: Any, output: int) -> DenseEnd:
    """Return how output number `output` of the live Keras `model` ends.

    Raises:
        UnsupportedError: not in a dense layer, or in more than an activation behind one.
    """
    try:
        return dense_end(model, output, lambda layer: type(layer).__name__ in PASSING)
    except NoDenseEndError as error:
        raise UnsupportedError(
            f"{keras_layer(error.layer)} stands at the end of the model; new classes need a dense "
            "layer there, with nothing behind it but an activation"
        ) from None


def with_new_head(
    model: Any, output: int, classes: int, start: Start, seed: int, loss: Loss | None
) -> Ended:
    """Return `model` with a fresh last dense layer for `classes` classes.

    `loss` is what it was trained to minimise. The kernel is drawn as by Keras's Glorot uniform
    initializer (Glorot and Bengio, 2010), the same for the same `seed`, or zero; the bias is zero.

    Raises:
        UnsupportedError: the model does not end in a dense layer.
        UsageError: it tells values, not classes.
    """
    end = end_of(model, output)
    if _tells_values(end, loss):
        raise UsageError(
            f"{_values(loss)}; to use what it has learned for classes all the same, add "
            "--loss categorical_crossentropy"
        )
    if loss is None and not {"sigmoid", "softmax"}.intersection(_bends(end)):
        raise UsageError(
            "the model does not say what it was trained to minimise, and does not end in a softmax "
            "or sigmoid; if it tells classes, say so: --loss categorical_crossentropy"
        )
    inputs = int(end.dense.kernel.shape[0])
    kernel: Array = np.zeros((inputs, classes))
    if start == "glorot":
        limit = math.sqrt(6 / (inputs + classes))
        kernel = np.random.default_rng(seed).uniform(-limit, limit, kernel.shape)
    drawn = f"by Glorot's rule with the seed {seed}" if start == "glorot" else "as zeros"
    note = (
        f"{keras_layer(end.dense)} is new: {inputs} × {classes} weights, made {drawn}, which have "
        "learned nothing yet"
    )
    return _ended(model, output, end, kernel, np.zeros(classes), None, note)


def with_spare_classes(model: Any, output: int, count: int, loss: Loss | None) -> Ended:
    """Return `model` with `count` more outputs, which no input makes likely before they learn.

    The logit of each is the mean of those of the classes that are there, less a margin m. The
    logarithm of a sum of C exponentials is at least their mean plus log C, so the probability of
    all spare classes together is at most ``count / C * exp(-m)``, whatever the input.

    Raises:
        UnsupportedError: the model does not end in a dense layer.
        UsageError: its outputs are no classes that exclude each other.
    """
    end = end_of(model, output)
    if _tells_values(end, loss):
        raise UsageError(f"{_values(loss)}, so no class can be added to them")
    kept = _classes_of(end, loss)
    kernel, bias = np.asarray(end.dense.kernel), end.dense.bias
    bias = np.zeros(kernel.shape[1]) if bias is None else np.asarray(bias)
    what = ""
    if end.dense.units == 1:
        kernel, bias = np.concatenate([0 * kernel, kernel], 1), np.concatenate([0 * bias, bias])
        what = "its single unit became two classes, whose step is doubled; "
    elif end.dense.bias is None:
        what = "it has a bias now; "
    known = kernel.shape[1]
    margin = spare_margin(known, count)
    kernel = np.concatenate([kernel, np.repeat(kernel.mean(1, keepdims=True), count, 1)], 1)
    bias = np.concatenate([bias, np.repeat(bias.mean() - margin, count)])
    note = (
        f"{keras_layer(end.dense)} has {count} spare output(s): {what}each starts {margin:.3g} "
        f"below the mean of the {known} logits, so that all together have a probability of at most "
        f"{SPARE_SHARE:g} until they learn"
    )
    return _ended(model, output, end, kernel, bias, kept, note)


def known_classes(end: DenseEnd) -> int:
    """Return how many classes a model knows that ends so: a single unit tells two apart."""
    return max(2, int(end.dense.units))


def spare_margin(known: int, count: int) -> float:
    """Return how far below the mean logit `count` spare classes start beside `known` ones.

    Any margin keeps them from being predicted, for no mean is above the largest logit.
    """
    return max(1.0, math.log(count / known / SPARE_SHARE))


def _ended(
    model: Any, output: int, end: DenseEnd, kernel: Array, bias: Array,
    kept: Callable[[Answer], Answer] | None, note: str,
) -> Ended:  # fmt: skip
    """Return `model` with a dense layer of these weights and a softmax, under the old one's name.

    Raises:
        UnsupportedError: the old one is used elsewhere in the model, too.
    """
    fresh = keras.layers.Dense(
        kernel.shape[1], "softmax", name=end.dense.name, dtype="float32",
        kernel_initializer="zeros",  # the others use up random numbers of the user's program
        **{name: getattr(end.dense, name) for name in KEPT_PENALTIES if kept is not None},
    )  # fmt: skip

    def put(features: Any) -> Any:
        made = fresh(features)
        forget_last_call(fresh)
        fresh.kernel.assign(kernel)
        fresh.bias.assign(bias)
        return made

    if holds(with_end(model, output, lambda features: features), end.dense):
        raise UnsupportedError(
            f"{keras_layer(end.dense)} is used in several places, so it cannot get new classes"
        )
    renewed = with_end(model, output, put)
    return Ended(renewed, own_name(end.dense.name), model, output, end, kept, note)


def _bends(end: DenseEnd) -> list[str]:
    """Return the names of the activations between the last dense layer and the output."""
    names = [_name(end.dense.activation)]
    for layer in reversed(end.behind):
        kind = type(layer).__name__
        if kind not in IDLE:
            names.append(_name(layer.activation) if kind == "Activation" else kind.lower())
    return [name for name in names if name != "linear"]


def _name(activation: Any) -> str:
    return str(getattr(activation, "__name__", type(activation).__name__))


def _tells_values(end: DenseEnd, loss: Loss | None) -> bool:
    values = loss is not None and loss.name in (KERAS_SQUARED_ERROR, *VALUE_LOSSES)
    return values and "softmax" not in _bends(end)


def _values(loss: Loss | None) -> str:
    return f"the model tells values, by the loss '{loss.name if loss else ''}', not classes"


def _classes_of(end: DenseEnd, loss: Loss | None) -> Callable[[Answer], Answer]:
    """Return what makes of a model's answer the probabilities of its classes.

    Raises:
        UsageError: its outputs are no classes that exclude each other.
    """
    bends, units = _bends(end), int(end.dense.units)
    from_logits = loss is not None and loss.config.get("from_logits", False) is not False
    name = loss.name if loss is not None else ""
    if bends == ["softmax"] and units > 1:
        return as_it_is
    if bends == ["sigmoid"] and units == 1:
        return sigmoid_as_two
    if not bends and from_logits and name in CLASS_LOSSES and units > 1:
        return with_softmax
    if not bends and from_logits and units == 1 and name in (KERAS_BINARY, KERAS_CROSS_ENTROPY):
        return logit_as_two
    what = f"{keras_layer(end.dense)} has {units} output(s)"
    if not bends:
        raise UsageError(
            f"{what} that nothing says to be logits of classes; if they are, say so: "
            "--loss categorical_crossentropy"
        )
    raise UsageError(
        f"{what} behind {' and '.join(bends)}; spare classes need a softmax, logits, or a single "
        "sigmoid"
    )
