"""Between the arrays a user holds and the blobs a network computes with.

Arrays are `[N, C, H, W]` or `[N, C]` as the model declares them; images `[N, H, W, channels]`,
0..255, red first. Blobs are `[N, H, W, C]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.coreml.features import channels, image_shape
from converter.coreml.mlmodel import Floats, Message
from converter.errors import DataError, ModelFileError, UsageError
from converter.runtime.joined import Input, Output

Array = npt.NDArray[Any]


def input_blobs(given: Sequence[Input], inputs: Mapping[str, Array]) -> dict[str, Floats]:
    """Return the blobs of all `given`, images preprocessed as their network says.

    Raises:
        DataError: there are no samples, an input is missing or has another shape than declared, or
            the inputs differ in their number of samples.
        ModelFileError: a preprocessing step does not fit the image.
    """
    blobs = {}
    for each in given:
        feature = each.feature
        if feature.name not in inputs:
            raise DataError(f"input '{feature.name}' is missing")
        array = np.asarray(inputs[feature.name])
        is_image = feature.type.WhichOneof("Type") == "imageType"
        blobs[each.blob] = _image_blob(each, array) if is_image else _array_blob(feature, array)
    counts = {each.feature.name: len(blobs[each.blob]) for each in given}
    if 0 in counts.values():
        raise DataError("there are no samples")
    if len(set(counts.values())) > 1:
        raise DataError(f"the inputs hold different numbers of samples: {counts}")
    return blobs


def _array_blob(feature: Message, array: Array) -> Floats:
    declared = feature.type.multiArrayType
    shape = tuple(int(size) for size in declared.shape)
    flexible = declared.WhichOneof("ShapeFlexibility") is not None
    fits = array.shape[1:] == shape or (flexible and array.ndim == len(shape) + 1)
    if not fits or len(shape) not in (1, 3):
        raise DataError(
            f"input '{feature.name}': has shape {list(array.shape)}, "
            f"but the model takes [N, {', '.join(map(str, shape))}]"
        )
    blob = array.astype(np.float32, copy=False)
    return blob[:, None, None, :] if len(shape) == 1 else blob.transpose(0, 2, 3, 1)


def _image_blob(given: Input, pixels: Array) -> Floats:
    feature = given.feature
    image = feature.type.imageType
    shape = image_shape(feature)
    flexible = image.WhichOneof("SizeFlexibility") is not None
    fits = pixels.shape[1:] == shape or (flexible and pixels.shape[3:] == shape[2:])
    if not fits:
        raise DataError(
            f"input '{feature.name}': has shape {list(pixels.shape)}, "
            f"but the model takes images [N, {', '.join(map(str, shape))}]"
        )
    blob = pixels.astype(np.float32, copy=False)
    if image.colorSpace == image.BGR:
        blob = blob[..., ::-1]
    for step in given.preprocessing:
        if step.featureName in ("", feature.name):
            kind = step.WhichOneof("preprocessor")
            if kind is None:
                raise ModelFileError("a preprocessing step is of no kind")
            blob = PREPROCESSORS[kind](step, blob, image)
    return blob


def _scale(step: Message, blob: Floats, image: Message) -> Floats:
    """Multiply by one number and add one bias per channel."""
    scaler = step.scaler
    colours = [scaler.redBias, scaler.greenBias, scaler.blueBias]
    if channels(image) == 1:
        colours = [scaler.grayBias]
    elif image.colorSpace == image.BGR:
        colours = colours[::-1]
    bias = np.array(colours, np.float32)
    scaled: Floats = blob * np.float32(scaler.channelScale) + bias
    return scaled


def _subtract_mean(step: Message, blob: Floats, image: Message) -> Floats:
    """Subtract an image stored as ``[C, H, W]``."""
    height, width, colours = blob.shape[1:]
    mean = np.asarray(step.meanImage.meanImage, np.float32)
    if mean.size != colours * height * width:
        raise ModelFileError(
            f"the mean image has {mean.size} values, but an image {colours * height * width}"
        )
    mean = mean.reshape(colours, height, width)
    centred: Floats = blob - mean.transpose(1, 2, 0)
    return centred


PREPROCESSORS: dict[str, Callable[[Message, Floats, Message], Floats]] = {
    "scaler": _scale,
    "meanImage": _subtract_mean,
}


def output(which: Output, blobs: Mapping[str, Floats]) -> Array:
    """Return the output `which` of a model.

    A blob ``[C, 1, 1]`` as ``[N, C]``, any other as ``[N, C, H, W]``. Of a classifier the
    probabilities are ``[N, classes]`` in the order of the labels, and the predicted feature is an
    array of labels.

    Raises:
        ModelFileError: there are more probabilities than labels.
    """
    array = as_array(blobs[which.blob])
    if which.labels is None:
        return array
    names = np.asarray(which.labels)
    best = array.reshape(len(array), -1).argmax(axis=1)
    if best.max() >= len(names):
        raise ModelFileError(f"the model has {len(names)} labels, fewer than probabilities")
    found: Array = names[best]
    return found


def as_array(blob: Floats) -> Floats:
    """Return a blob ``[N, 1, 1, C]`` as ``[N, C]``, any other as ``[N, C, H, W]``."""
    is_vector = blob.shape[1:3] == (1, 1)
    array: Floats = blob[:, 0, 0, :] if is_vector else blob.transpose(0, 3, 1, 2)
    return array


def batches(total: int, size: int) -> Iterable[slice]:
    """Yield slices of `size` samples, the last one perhaps shorter.

    Raises:
        UsageError: `size` is less than one.
    """
    if size < 1:
        raise UsageError(f"batch_size {size}: must be 1 or more")
    return (slice(start, min(start + size, total)) for start in range(0, total, size))
