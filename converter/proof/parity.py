"""The proof in every run: the written model predicts what Keras predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converter import runtime
from converter.backend.layouts import any_layout
from converter.backend.tensorflow import arranged, keras, tf
from converter.coreml.interface import ImageInput
from converter.coreml.mlmodel import Message
from converter.errors import ParityError
from converter.lower.blob import as_blob
from converter.trace.program import Array

SEED = 20231105


def samples(shapes: Sequence[tuple[int, ...]], highest: float, pixels: bool) -> list[Array]:
    """Return random inputs, one array ``[N, ...]`` per Keras input shape (without the batch).

    Values lie between 0 and `highest`, whole numbers if they are `pixels`; from sample to sample
    the contrast falls, so that not all of them saturate the network.
    """
    rng = np.random.default_rng(SEED)
    values = max(int(np.prod(shape)) for shape in shapes)
    count = 8 if values <= 64 * 64 * 3 else 2
    contrast = 0.5 ** np.arange(count)
    batch = []
    for shape in shapes:
        noise = rng.uniform(-0.5, 0.5, (count, *shape))
        faded = noise * contrast.reshape(count, *[1] * len(shape)) + 0.5
        batch.append((faded * highest).astype(np.float32))
    return [np.floor(x) for x in batch] if pixels else batch


def keras_predictions(model: Any, inputs: Sequence[Array], index: int) -> Array:
    """Return output number `index` of the Keras `model`, ``[N, ...]``, in inference mode.

    Raises:
        ParityError: TensorFlow cannot run the model on this machine.
    """
    return keras_outputs(model, inputs)[index]


def keras_outputs(model: Any, inputs: Sequence[Array]) -> list[Array]:
    """Return all outputs of the Keras `model`, ``[N, ...]`` each, in inference mode.

    Raises:
        ParityError: TensorFlow cannot run the model on this machine.
    """
    try:
        with any_layout():
            outputs = keras.tree.flatten(model(arranged(model, inputs), training=False))
    except tf.errors.UnimplementedError as error:
        raise ParityError(
            f"TensorFlow cannot run the Keras model here ({_reason(error)}), so the conversion "
            "cannot be compared with it; convert with --no-verify"
        ) from error
    return [np.asarray(output, np.float32) for output in outputs]


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


def difference(expected: Array, found: Array) -> float:
    """Return the largest difference, relative to the range of `expected`, zero included.

    Both are ``[N, ...]`` with the same number of values; not a number counts as infinite.
    """
    flat = np.asarray(expected, np.float64).reshape(len(expected), -1)
    other = np.asarray(found, np.float64).reshape(len(found), -1)
    spread = max(flat.max(), 0) - min(flat.min(), 0)
    gap = float(np.abs(flat - other).max()) / float(spread or 1)
    return gap if np.isfinite(gap) else float("inf")


SMALLEST_PROBABILITY = 1e-30
"""Softmax in float32 is exact to rounding above this."""


def difference_of_probabilities(expected: Array, found: Array) -> float:
    """Return the larger difference of the probabilities ``[N, classes]`` and of their logarithms.

    Random inputs drive many networks into saturation, where all probabilities are 0 or 1 and any
    network agrees with any other; the logarithms are the logits up to a constant and still differ.
    """
    logs = [np.log(np.maximum(p, SMALLEST_PROBABILITY)) for p in (expected, found)]
    return max(difference(expected, found), difference(*logs))


def is_saturated(probabilities: Array) -> bool:
    """Return whether all `probabilities` are 0 or 1: then equal ones prove little."""
    return bool(np.all((probabilities < SMALLEST_PROBABILITY) | (probabilities > 1 - 1e-6)))


def predict(model: Message, inputs: Mapping[str, Array], output: str) -> Array:
    """Return the output (or probabilities) `output` of the Core ML `model` in the runtime."""
    return runtime.predict(model, inputs)[output]
