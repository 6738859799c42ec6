"""A Keras model that trains what the Core ML model trains, as the Core ML model trains it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from converter.backend.keras import (
    any_names,
    failures_noted,
    in_one_line,
    layers_inside,
    with_doubled_steps,
)
from converter.backend.layouts import any_layout
from converter.backend.tensorflow import keras
from converter.coreml.optimizers import OPTIMIZERS
from converter.errors import ParityError
from converter.proof.correspondence import Correspondence
from converter.proof.pairing import Pair
from converter.runtime import Settings
from converter.trace.layer_table import keras_layer


def trainable_twin(
    model: Any, pairs: Sequence[Pair], found: Correspondence, settings: Settings
) -> Any:
    """Return a compiled model that shares the layers of `model`, to call ``train_on_batch`` on.

    Only the paired layers are trainable. What Core ML has not is off: dropout and noise, the
    batch's own statistics, penalties and constraints on weights.

    Raises:
        ParityError: Keras cannot call the model as it does in training.
    """
    _train_only(model, pairs)
    inputs = [keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype) for tensor in model.inputs]
    with failures_explained():
        outputs = WithoutTrainingMode(model)(inputs[0] if len(inputs) == 1 else inputs)
    output = keras.tree.flatten(outputs)[found.output]
    if found.ending.classes(1) and len(output.shape) > 2:
        output = keras.layers.Flatten()(output)
    trainer = keras.Model(inputs, output)
    doubled = [pair.variable for pair in pairs if pair.is_doubled]
    trainer.compile(optimizer(settings, doubled), found.ending.loss(), jit_compile=False)
    return trainer


@contextmanager
def failures_explained() -> Iterator[None]:
    """Tell what Keras, or a layer of the user's own, fails at in training, with the layer's name.

    Raises:
        ParityError: it fails.
    """
    failed: list[Any] = []
    try:
        with failures_noted(failed):
            yield
    except Exception as error:  # whatever they raise
        where = f"{keras_layer(failed[0])}: " if failed else ""
        raise ParityError(
            f"{where}Keras cannot train on random samples ({in_one_line(error)}), so no update "
            "step can be compared"
        ) from error


class WithoutTrainingMode(keras.layers.Layer):  # type: ignore[misc]
    """Calls a model in inference mode, even within ``train_on_batch``.

    A ``training=False`` in a functional model would be overruled by the mode of the whole.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def call(self, inputs: Any) -> Any:
        """Return what the model answers."""
        with any_layout(), any_names():
            return self.model(inputs, training=False)


def _train_only(model: Any, pairs: Sequence[Pair]) -> None:
    """Make the layers in `pairs` trainable, whatever they were, and nothing else."""
    chosen = {id(pair.layer) for pair in pairs}
    variables = {id(pair.variable) for pair in pairs}
    for layer in (model, *layers_inside(model)):  # a model hands it on to none that was frozen
        if getattr(layer, "activity_regularizer", None) is not None:
            layer.activity_regularizer = None
        layer.trainable = bool(layers_inside(layer)) or id(layer) in chosen
    for variable in model.weights:
        variable.regularizer = None
        variable.constraint = None
        if id(variable) not in variables:
            variable.trainable = False


def optimizer(settings: Settings, doubled: Collection[Any]) -> Any:
    """Return Keras's optimizer with `settings`; the variables `doubled` move twice as far.

    A sigmoid unit that became two classes: both rows move, in opposite directions, so that their
    difference moves by twice the rate.
    """
    kind = getattr(keras.optimizers, OPTIMIZERS[settings.optimizer].keras)
    return (with_doubled_steps(kind, doubled) if doubled else kind)(**settings.numbers)
