"""Marking a network with ``NeuralNetworkBuilder``: interface, updatable layers, loss, optimizer."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence

from converter.backend.builder import make_updatable
from converter.backend.coremltools import AdamParams, NeuralNetworkBuilder, SgdParams, datatypes
from converter.coreml.interface import ImageInput, Interface
from converter.learning.head import KERAS_CROSS_ENTROPY
from converter.learning.settings import Training
from converter.trace.program import KerasLayer

LOSS_NAME = "loss"


def rename_blob(builder: NeuralNetworkBuilder, old: str, new: str) -> None:
    """Call the blob `old` `new` wherever a layer writes or reads it."""
    for layer in builder.nn_spec.layers:
        for blobs in (layer.input, layer.output):
            for i, blob in enumerate(blobs):
                if blob == old:
                    blobs[i] = new


def give_own_names(builder: NeuralNetworkBuilder, origin: Mapping[str, KerasLayer]) -> None:
    """Give layers the names that they have in Keras, where only their blobs may not have them.

    A blob must not be called as a feature of the interface is, so a layer "output" was made as
    "output__2", its blob included. Layers have names of their own; only the loss is one, too.
    """
    losses = builder.nn_spec.updateParams.lossLayers
    layers = builder.nn_spec.layers
    taken = {layer.name for layer in layers}
    for layer in layers:
        keras = origin.get(layer.name)
        if keras and keras.name not in taken and layer.name == f"{keras.name}__2":
            layer.name = keras.name
            taken.add(keras.name)
    for loss in losses:
        while loss.name in taken:
            loss.name += "_"


def set_interface(
    builder: NeuralNetworkBuilder, interface: Interface, output_shape: tuple[int, ...]
) -> None:
    """Declare the output, the image input and the class labels of the model.

    The output blob must have its final name; `output_shape` is ``[C]`` or ``[C, H, W]``.
    """
    shape = builder.spec.description.output[0].type.multiArrayType.shape
    del shape[:]
    shape.extend(output_shape)
    if interface.image:
        _set_image(builder, interface.inputs[0], interface.image)
    if interface.labels:
        builder.set_class_labels(list(interface.labels), interface.label, interface.output)


def _set_image(builder: NeuralNetworkBuilder, name: str, image: ImageInput) -> None:
    bias = image.bias if len(image.bias) == image.channels else image.bias * image.channels
    colours = ("gray",) if image.colour == "gray" else ("red", "green", "blue")
    builder.set_pre_processing_parameters(
        image_input_names=[name],
        is_bgr=image.colour == "bgr",
        image_scale=image.scale,
        **{f"{colour}_bias": value for colour, value in zip(colours, bias, strict=True)},
    )


def mark(
    builder: NeuralNetworkBuilder,
    layers: Sequence[str],
    loss: str,
    output: str,
    output_shape: tuple[int, ...],
    training: Training,
) -> None:
    """Make `layers` learn: flags, loss on the blob `output`, optimizer, epochs, training inputs."""
    with contextlib.redirect_stdout(io.StringIO()):  # the builder prints what it adds
        make_updatable(builder, list(layers))
        if loss == KERAS_CROSS_ENTROPY:
            builder.set_categorical_cross_entropy_loss(LOSS_NAME, output)
        else:
            builder.set_mean_squared_error_loss(LOSS_NAME, (output, datatypes.Array(*output_shape)))
    _set_optimizer(builder, training)
    builder.set_epochs(training.epochs.default, list(training.epochs.allowed))
    builder.set_shuffle(training.seed)
    builder.nn_spec.updateParams.shuffle.defaultValue = training.shuffle


SETTERS = {
    "learning_rate": "set_lr",
    "momentum": "set_momentum",
    "beta_1": "set_beta1",
    "beta_2": "set_beta2",
    "epsilon": "set_eps",
}
"""Number of an optimizer -> the method of coremltools' ``SgdParams`` and ``AdamParams`` for it."""


def _set_optimizer(builder: NeuralNetworkBuilder, training: Training) -> None:
    is_sgd = training.optimizer == "sgd"
    params = SgdParams() if is_sgd else AdamParams()
    for name, number in training.numbers.items():
        getattr(params, SETTERS[name])(number.default, number.lowest, number.highest)
    params.set_batch(training.batch_size.default, list(training.batch_size.allowed))
    if is_sgd:
        builder.set_sgd_optimizer(params)
    else:
        builder.set_adam_optimizer(params)
