"""What the live Keras model answers, and its inputs as each of both models takes them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from converter.backend.keras import failures_noted, in_one_line, logits_of, without_last_activation
from converter.backend.layouts import any_layout
from converter.backend.tensorflow import arranged, keras, tf
from converter.coreml.interface import ImageInput
from converter.errors import ParityError
from converter.learning.answers import Answer
from converter.lower.blob import as_blob
from converter.proof.parity import difference, hardly_varies
from converter.trace.layer_table import keras_layer
from converter.trace.program import Array


def keras_predictions(model: Any, inputs: Sequence[Array], index: int) -> Array:
    """Return output number `index` of the Keras `model`, ``[N, ...]``, in inference mode.

    Raises:
        ParityError: the model cannot be run, on this machine or at all.
    """
    return keras_outputs(model, inputs)[index]


def keras_outputs(model: Any, inputs: Sequence[Array]) -> list[Array]:
    """Return all outputs of the Keras `model`, ``[N, ...]`` each, in inference mode.

    Raises:
        ParityError: the model cannot be run, on this machine or at all.
    """
    return [answer.values for answer in keras_answers(model, inputs)]


def keras_answers(model: Any, inputs: Sequence[Array]) -> list[Answer]:
    """Return all outputs of the Keras `model` in inference mode, and what is before them.

    A model that takes one sample only, such as one that joins a constant to it, gets them one by
    one.
    """
    with suppress(tf.errors.InvalidArgumentError):
        return _answers(model, inputs)
    each = [_answers(model, sample) for sample in one_by_one(inputs)]
    return [_joined(parts) for parts in zip(*each, strict=True)]


def one_by_one(inputs: Sequence[Array]) -> Iterator[list[Array]]:
    """Yield each sample of `inputs` as a batch of its own."""
    for i in range(len(inputs[0])):
        yield [x[i : i + 1] for x in inputs]


def _joined(parts: Sequence[Answer]) -> Answer:
    before = [part.before for part in parts if part.before is not None]
    whole = np.concatenate(before) if len(before) == len(parts) else None
    return Answer(np.concatenate([part.values for part in parts]), whole)


def _answers(model: Any, inputs: Sequence[Array]) -> list[Answer]:
    """Return all outputs of the Keras `model` for one batch.

    The numbers before a sigmoid or a softmax are known at once; those before another activation are
    computed where an output holds a number that hardly varies over the samples.
    """
    answers = [
        Answer(np.asarray(output, np.float32), _floats(logits_of(output)))
        for output in called(model, inputs)
    ]
    return [
        replace(answer, before=_before(model, inputs, index, answer.values))
        if answer.before is None and hardly_varies(answer.values)
        else answer
        for index, answer in enumerate(answers)
    ]


def called(model: Any, inputs: Sequence[Array]) -> list[Any]:
    """Return all outputs of the Keras `model` for one batch, as tensors.

    Raises:
        ParityError: the model cannot be run, on this machine or at all.
    """
    failed: list[Any] = []
    try:
        with any_layout(), failures_noted(failed), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the model Keras has warned whoever made it
            found: list[Any] = keras.tree.flatten(model(arranged(model, inputs), training=False))
    except tf.errors.UnimplementedError as error:
        raise ParityError(
            f"TensorFlow cannot run the Keras model here ({_reason(error)}), so the conversion "
            "cannot be compared with it; convert with --no-verify"
        ) from error
    except Exception as error:  # whatever Keras, or a layer of the user's own, raises
        if isinstance(error, tf.errors.InvalidArgumentError) and len(inputs[0]) > 1:
            raise  # it may take one sample only
        raise ParityError(
            f"{cannot('call it on random inputs', failed, error)}, so the conversion cannot be "
            "compared with it; convert with --no-verify"
        ) from error
    return found


def cannot(what: str, failed: Sequence[Any], error: Exception) -> str:
    """Return that Keras cannot do `what` and why, behind the layer in `failed` if there is one."""
    where = f"{keras_layer(failed[0])}: " if failed else ""
    return f"{where}Keras cannot {what} ({in_one_line(error)})"


def _floats(tensor: Any | None) -> Array | None:
    return None if tensor is None else np.asarray(tensor, np.float32)


def _before(model: Any, inputs: Sequence[Array], index: int, values: Array) -> Array | None:
    """Return what the last activation of an output makes `values` from; None if not known."""
    with without_last_activation(model, index) as activation:
        if activation is None:
            return None
        before = _floats(called(model, inputs)[index])
        same = before is not None and difference(values, np.asarray(activation(before))) < 1e-6
        return before if same else None


def _reason(error: Exception) -> str:
    """Return the sentence of TensorFlow's error that follows its names of functions and devices."""
    return str(error).split("}} ")[-1].split(". ")[0].splitlines()[0]


def keras_pixels(pixels: Array, image: ImageInput) -> Array:
    """Return what the Keras model gets for `pixels` ``[N, H, W, channels]`` by the image settings.

    Pixels are red first; `image` scales them, and turns them around for a BGR model.
    """
    bias = np.broadcast_to(np.asarray(image.bias, np.float32), image.channels)
    scaled = (pixels * np.float32(image.scale) + bias).astype(np.float32)
    return np.asarray(scaled[..., ::-1] if image.colour == "bgr" else scaled)


def core_ml_array(x: Array, axes: str) -> Array:
    """Return Keras's array ``[N, ...]`` as Core ML declares it: ``[N, C]`` or ``[N, C, H, W]``.

    `axes` tells what each axis of `x` is, such as ``NHWC``.
    """
    return x if axes == "NC" else as_blob(x, axes)
