"""The proof in every run: the written model predicts what Keras predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converter import runtime
from converter.backend.keras import logits_of, without_last_activation
from converter.backend.layouts import any_layout
from converter.backend.tensorflow import arranged, keras, tf
from converter.coreml.interface import ImageInput
from converter.coreml.mlmodel import Message, network
from converter.errors import ParityError
from converter.learning.answers import Answer, log_softmax
from converter.lower.blob import as_blob
from converter.trace.program import Array

SEED = 20231105

LITTLE_VARIATION = 1e-3
"""Share of its range by which an output must vary over the samples, or they prove little."""


@dataclass(frozen=True)
class Look:
    """What samples look like: the range of their values, and whether noise or smooth shapes."""

    lowest: float
    highest: float
    smooth: bool = False


def looks(highest: float, pixels: bool) -> Sequence[Look]:
    """Return what samples may look like for a model made for values from 0 to `highest`.

    The first does for nearly every model; the others are for one whose output the first ones leave
    as it is, such as a network with weights that were never trained, or with dead units.
    """
    usual = Look(0, highest)
    if pixels:
        return usual, Look(0, highest - 1, smooth=True)
    wide = (Look(-size, size, smooth) for size in (1, 255, 1e4) for smooth in (False, True))
    return usual, Look(0, highest, smooth=True), Look(0, 255, smooth=True), *wide


def samples(shapes: Sequence[tuple[int, ...]], look: Look, pixels: bool) -> list[Array]:
    """Return random inputs, one array ``[N, ...]`` per Keras input shape (without the batch).

    Values are of the range of `look`, whole numbers if they are `pixels`; from sample to sample the
    contrast falls, so that not all of them saturate the network.
    """
    rng = np.random.default_rng(SEED)
    values = max(int(np.prod(shape)) for shape in shapes)
    count = 8 if values <= 64 * 64 * 3 else 2
    batch = [_drawn(rng, (count, *shape), look) for shape in shapes]
    return [np.floor(x) for x in batch] if pixels else batch


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], look: Look) -> Array:
    if look.smooth:
        return drawn(rng, shape, look)
    contrast = 0.5 ** np.arange(shape[0])
    noise = rng.uniform(-0.5, 0.5, shape) * contrast.reshape(-1, *[1] * (len(shape) - 1))
    return _ranging(noise + 0.5, look)


def drawn(rng: np.random.Generator, shape: tuple[int, ...], look: Look) -> Array:
    """Return a random array of `shape`, ``[N, ...]``, that looks like `look`."""
    return _ranging(_smooth(rng, shape) if look.smooth else rng.uniform(0, 1, shape), look)


def _ranging(unit: Array, look: Look) -> Array:
    return np.asarray(look.lowest + unit * (look.highest - look.lowest)).astype(np.float32)


def _smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return slow waves between 0 and 1 along all axes, of another brightness in each sample."""
    waves = np.zeros(shape)
    for axis in range(1, len(shape)):
        turns = rng.uniform(-2, 2, (shape[0], *[1] * (len(shape) - 1)))
        size = shape[axis]
        places = (np.arange(size) / size).reshape(-1, *[1] * (len(shape) - 1 - axis))
        waves = waves + turns * places
    waves = np.sin(2 * np.pi * (waves + rng.uniform(size=(shape[0], *[1] * (len(shape) - 1)))))
    bright = np.linspace(0, 1, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    return 0.5 * (bright + 0.5 + 0.5 * waves) if shape[0] > 1 else 0.5 + 0.5 * waves


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
    return [answer.values for answer in keras_answers(model, inputs)]


def keras_answers(model: Any, inputs: Sequence[Array]) -> list[Answer]:
    """Return all outputs of the Keras `model` in inference mode, and what is before them.

    The numbers before a sigmoid or a softmax are known at once; those before another activation are
    computed where an output holds a number that hardly varies over the samples.
    """
    answers = [
        Answer(np.asarray(output, np.float32), _floats(logits_of(output)))
        for output in _called(model, inputs)
    ]
    return [
        replace(answer, before=_before(model, inputs, index, answer.values))
        if answer.before is None and _hardly_varies(answer.values)
        else answer
        for index, answer in enumerate(answers)
    ]


def _hardly_varies(values: Array) -> bool:
    """Return whether one of the numbers is nearly the same in all samples."""
    rows = values.reshape(len(values), -1)
    return bool(_spread(rows).min() <= LITTLE_VARIATION * np.abs(rows).max())


def _called(model: Any, inputs: Sequence[Array]) -> list[Any]:
    try:
        with any_layout():
            found: list[Any] = keras.tree.flatten(model(arranged(model, inputs), training=False))
    except tf.errors.UnimplementedError as error:
        raise ParityError(
            f"TensorFlow cannot run the Keras model here ({_reason(error)}), so the conversion "
            "cannot be compared with it; convert with --no-verify"
        ) from error
    return found


def _floats(tensor: Any | None) -> Array | None:
    return None if tensor is None else np.asarray(tensor, np.float32)


def _before(model: Any, inputs: Sequence[Array], index: int, values: Array) -> Array | None:
    """Return what the last activation of an output makes `values` from; None if not known."""
    with without_last_activation(model, index) as activation:
        if activation is None:
            return None
        before = _floats(_called(model, inputs)[index])
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


def compared(answer: Answer, is_class: bool) -> Array:
    """Return the numbers ``[N, C]`` of an `answer` in which no digits are lost.

    For classes these are the logarithms of the probabilities: random inputs drive many networks
    into saturation, where all probabilities are 0 or 1 and any network agrees with any other; the
    logarithms are the logits up to a constant and still differ.
    """
    if is_class and answer.before is not None:
        return log_softmax(answer.before)
    if is_class:
        return np.asarray(np.log(np.maximum(answer.values, SMALLEST_PROBABILITY)))
    return answer.values if answer.before is None else answer.before


def gap(expected: Answer, found: Answer, is_class: bool) -> float:
    """Return the largest difference of the values ``[N, C]`` and of the numbers before them.

    Before is compared where both are known; the probabilities of classes in logarithms, and where
    these hardly vary also by the logits alone, which a network of small weights makes tiny.
    """
    if expected.before is None or found.before is None:
        expected, found = Answer(expected.values), Answer(found.values)
    ours, theirs = compared(found, is_class), compared(expected, is_class)
    pairs = [(expected.values, found.values), (theirs, ours)]
    if expected.before is not None and _variation(theirs) < LITTLE_VARIATION:
        pairs.append((expected.before, np.asarray(found.before)))
    return max(difference(*pair) for pair in pairs)


def variation(answer: Answer, is_class: bool) -> float:
    """Return how much what is compared varies over the samples, as a share of its range."""
    flat = answer.flat()
    before = [] if flat.before is None else [flat.before]
    return max(_variation(numbers) for numbers in (compared(flat, is_class), *before))


def _variation(numbers: Array) -> float:
    rows = numbers.reshape(len(numbers), -1).astype(np.float64)
    span = max(rows.max(), 0) - min(rows.min(), 0)
    share = float(_spread(rows).max()) / float(span or 1)
    return share if np.isfinite(share) else 0.0


def little_varied(variation: float) -> str:
    """Return what to say of outputs that vary by no more than `variation`; nothing if enough."""
    if variation >= LITTLE_VARIATION:
        return ""
    return (
        "the parity proves little: over all inputs that were tried, the output of the Keras model "
        f"varies by no more than {variation:.0e} of its range, as if it ignored them; try the file "
        "on your own data: make-updatable evaluate"
    )


def _spread(rows: Array) -> Array:
    """Return by how much each column of `rows` varies."""
    return np.asarray(rows.max(axis=0) - rows.min(axis=0))


def is_saturated(answer: Answer) -> bool:
    """Return whether all that is known are probabilities 0 or 1: then equal ones prove little."""
    p = answer.values
    return answer.before is None and bool(np.all((p < SMALLEST_PROBABILITY) | (p > 1 - 1e-6)))


def predict(model: Message, inputs: Mapping[str, Array], output: str) -> Answer:
    """Return the output (or probabilities) `output` of the Core ML `model` in the runtime.

    What stands before its softmax or activation comes along.
    """
    name = _blob_before(model, output)
    if name is None:
        return Answer(runtime.predict(model, inputs)[output])
    model.description.output.add(name=name)
    try:
        found = runtime.predict(model, inputs)
    finally:
        del model.description.output[-1]
    return Answer(found[output], found[name])


def _blob_before(model: Message, output: str) -> str | None:
    """Return the blob from which a softmax or an activation makes `output`, or None."""
    net = network(model)
    layers = net.layers if net is not None else ()
    last = next((layer for layer in layers if output in layer.output), None)
    if last is None or last.WhichOneof("layer") not in ("softmax", "activation"):
        return None
    name = str(last.input[0])
    taken = {f.name for f in (*model.description.input, *model.description.output)}
    return None if name in taken else name
