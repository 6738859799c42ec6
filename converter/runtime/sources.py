"""Where mini-batches come from: samples as stored, or the frozen part's results, computed once.

A source gives blobs by name for any samples, so that nothing is held twice: the data stay as they
were read (8-bit images, a memory-mapped file), and only what a few mini-batches need is float32.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from converter.backend.tensorflow import aligned
from converter.coreml.mlmodel import Floats, Message
from converter.errors import DataError
from converter.runtime import arrays, network
from converter.runtime.backend import CPU, Array, Integers, any_number_of, tf
from converter.runtime.plan import Plan
from converter.runtime.rewrite import relu_after_pooling
from converter.runtime.weights import StoredWeights

COSTLY_LAYERS = {"convolution", "innerProduct", "pooling", "lrn", "mvn", "resizeBilinear"}
"""Frozen layers worth remembering the results of."""

AT_A_TIME = 3
"""Batches of features computed at a time; of two, one is often being read or written."""

MOST_BYTES_IN_MEMORY = 2 << 30
"""Features beyond this are kept in a temporary file."""


class Samples(Protocol):
    """Arrays by input name, such as NumPy arrays or images read on demand."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def take(self, indices: Integers) -> Mapping[str, Array]:
        """Return the chosen samples by input name, each array ``[len(indices), ...]``."""


class ArraySamples:
    """Samples in memory, or anything that NumPy indexing reads."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.arrays = arrays

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values()), ()))

    def take(self, indices: Integers) -> dict[str, Array]:
        """Return the chosen samples by input name."""
        return {name: np.asarray(array[indices]) for name, array in self.arrays.items()}


class Source(Protocol):
    """Blobs by name for any samples."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def take(self, indices: Integers) -> dict[str, Floats]:
        """Return the blobs ``[len(indices), H, W, C]`` of the chosen samples."""


class InputBlobs:
    """The blobs of the model's inputs: preprocessed, in the runtime's layout."""

    def __init__(self, model: Message, samples: Samples) -> None:
        self._model, self._net, self._samples = model, network.checked_network(model), samples

    def __len__(self) -> int:
        return len(self._samples)

    def take(self, indices: Integers) -> dict[str, Floats]:
        """Return the input blobs of the chosen samples.

        Raises:
            DataError: they do not fit the model, or are no numbers. Layers such as ReLU swallow
                NaN, so that nothing would show later.
        """
        blobs = arrays.input_blobs(self._model, self._net, self._samples.take(indices))
        for name, blob in blobs.items():
            if not np.isfinite(blob).all():
                raise DataError(f"input '{name}' holds NaN or infinity")
        return blobs


class FrozenFeatures:
    """The blobs that the frozen layers make of the input blobs, computed at every `take`."""

    def __init__(self, source: Source, plan: Plan, batch_size: int) -> None:
        self._source, self._plan, self._batch_size = source, plan, batch_size
        self._layers = relu_after_pooling(plan.frozen, plan.features)
        self._weights = StoredWeights(keep=True)
        self._graph: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def __len__(self) -> int:
        return len(self._source)

    def take(self, indices: Integers) -> dict[str, Floats]:
        """Return the features of the chosen samples."""
        parts = [
            {name: blob.numpy() for name, blob in self._batch(indices[part]).items()}
            for part in arrays.batches(len(indices), self._batch_size)
        ]
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([p[name] for p in parts]) for name in self._plan.features}

    @property
    def is_costly(self) -> bool:
        """Whether the frozen layers take long enough to remember what they compute."""
        return any(layer.WhichOneof("layer") in COSTLY_LAYERS for layer in self._plan.frozen)

    def _batch(self, indices: Integers) -> dict[str, Any]:
        with tf.device(CPU):
            blobs = {n: tf.constant(b) for n, b in self._source.take(indices).items()}
            if self._graph is None:
                specs = {name: any_number_of(blob) for name, blob in blobs.items()}
                function = tf.function(self._run_frozen, autograph=False)
                self._graph = function.get_concrete_function(specs)
            with network.refusing("the network"):
                found: dict[str, Any] = self._graph(blobs)
        return found

    def _run_frozen(self, blobs: dict[str, Any]) -> dict[str, Any]:
        return network.run(self._layers, blobs, self._weights, self._plan.features)


class KeptFeatures:
    """Features computed once."""

    def __init__(self, blobs: dict[str, Floats]) -> None:
        self._blobs = blobs

    def __len__(self) -> int:
        return len(next(iter(self._blobs.values())))

    def take(self, indices: Integers) -> dict[str, Floats]:
        """Return the features of the chosen samples."""
        return {name: _taken(blob, indices) for name, blob in self._blobs.items()}


def _taken(blob: Floats, indices: Integers) -> Floats:
    """Return ``blob[indices]`` in memory that needs no copy to become a tensor."""
    found: Floats = aligned((len(indices), *blob.shape[1:]))
    np.take(blob, indices, axis=0, out=found, mode="clip")  # "raise" would fill a buffer first
    return found


def source(model: Message, plan: Plan, samples: Samples, batch_size: int) -> Source:
    """Return the blobs that the learning layers start from."""
    inputs = InputBlobs(model, samples)
    return FrozenFeatures(inputs, plan, batch_size) if plan.frozen else inputs


def kept(
    blobs: Source,
    batch_size: int,
    on_progress: Callable[[int], None] = lambda done: None,
    most_bytes: int = MOST_BYTES_IN_MEMORY,
) -> Source:
    """Return `blobs`, computed once if they come from costly frozen layers.

    They are kept in memory up to `most_bytes`, in a temporary file beyond; if the disk has no room
    either, they are computed anew each time. `on_progress` hears of the number of samples done.
    """
    if not isinstance(blobs, FrozenFeatures) or not blobs.is_costly:
        return blobs
    first = blobs.take(np.arange(1))
    total = len(blobs)
    size = total * sum(blob.nbytes for blob in first.values())
    if size > most_bytes and shutil.disk_usage(tempfile.gettempdir()).free < size * 1.1:
        return blobs
    room = np.empty if size <= most_bytes else _on_disk
    found = {name: room((total, *blob.shape[1:]), np.float32) for name, blob in first.items()}
    _fill(found, blobs, batch_size, on_progress)
    return KeptFeatures(found)


def _fill(
    found: Mapping[str, Array], blobs: Source, batch_size: int, on_progress: Callable[[int], None]
) -> None:
    """Write all of `blobs` into `found`, a few batches at a time: TensorFlow, which computes on all
    cores, leaves some idle in many operations, and between batches.
    """

    def write(part: slice) -> int:
        for name, blob in blobs.take(np.arange(part.start, part.stop)).items():
            found[name][part] = blob
        return int(part.stop)

    with ThreadPoolExecutor(AT_A_TIME) as workers:
        try:
            for done in workers.map(write, arrays.batches(len(blobs), batch_size)):
                on_progress(done)
        except BaseException:
            workers.shutdown(cancel_futures=True)  # otherwise ^C would wait for all of them
            raise


def _on_disk(shape: tuple[int, ...], dtype: type) -> Array:
    """Return an array in a file that has no name and goes when the array goes."""
    with tempfile.TemporaryFile(dir=Path(tempfile.gettempdir())) as file:
        return np.memmap(file, dtype, "w+", shape=shape)
