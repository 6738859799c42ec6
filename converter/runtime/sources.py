"""Where mini-batches come from: samples as stored, or the frozen part's results, computed once.

A source gives blobs by name for any samples, so that nothing is held twice: the data stay as they
were read (8-bit images, a memory-mapped file), and only what a few mini-batches need is float32.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeAlias

import numpy as np

from converter.backend.tensorflow import aligned
from converter.coreml.mlmodel import Floats, Message
from converter.errors import DataError
from converter.runtime import arrays, network
from converter.runtime.backend import CPU, Array, Integers, any_number_of, tf
from converter.runtime.joining import joined
from converter.runtime.layers.shape import repeated
from converter.runtime.network import Layer
from converter.runtime.plan import Plan
from converter.runtime.rewrite import relu_after_pooling
from converter.runtime.weights import StoredWeights

COSTLY_LAYERS = {"convolution", "innerProduct", "pooling", "lrn", "mvn", "resizeBilinear"}
"""Frozen layers worth remembering the results of."""

Graph: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""Blobs by name to those that are wanted."""

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
        whole = joined(model)
        self._inputs, self._rows, self._samples = whole.inputs, whole.index_counts, samples

    def __len__(self) -> int:
        return len(self._samples)

    def take(self, indices: Integers) -> dict[str, Floats]:
        """Return the input blobs of the chosen samples.

        Raises:
            DataError: they do not fit the model, are no numbers, or no rows of the table that they
                are indices into. Layers such as ReLU swallow NaN, so that nothing would show later.
        """
        blobs = arrays.input_blobs(self._inputs, self._samples.take(indices))
        for given in self._inputs:
            _refuse_odd(given.feature.name, blobs[given.blob], self._rows)
        return blobs


def _refuse_odd(name: str, blob: Floats, rows: Mapping[str, int]) -> None:
    """Refuse values of the input `name` that are no numbers, or not among the `rows` of a table."""
    if not np.isfinite(blob).all():
        raise DataError(f"input '{name}' holds NaN or infinity")
    if name not in rows:
        return
    odd = blob[(blob < 0) | (blob >= rows[name]) | (blob != np.floor(blob))]
    if odd.size:
        raise DataError(
            f"input '{name}' holds {odd[0]:g}, but takes indices: whole numbers from 0 to "
            f"{rows[name] - 1}"
        )


class FrozenFeatures:
    """The blobs `wanted` that `layers` make of the input blobs, computed at every `take`.

    Samples go through one graph, `batch_size` at once. Where all of them are one batch that is
    taken once (`once`), making the graph would take longer than it saves.
    """

    def __init__(
        self,
        source: Source,
        layers: Sequence[Layer],
        wanted: Collection[str],
        batch_size: int,
        once: bool = False,
    ) -> None:
        self._source, self._wanted, self._batch_size = source, wanted, batch_size
        self._layers = relu_after_pooling(layers, wanted)
        self._weights = StoredWeights(keep=True)
        self._graph: Graph | None = None
        self._building = Lock()
        self._runs_once = once and len(source) <= batch_size

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
        return {name: np.concatenate([p[name] for p in parts]) for name in self._wanted}

    @property
    def is_costly(self) -> bool:
        """Whether the frozen layers take long enough to remember what they compute."""
        return any(layer.kind in COSTLY_LAYERS for layer in self._layers)

    def _batch(self, indices: Integers) -> dict[str, Any]:
        with tf.device(CPU):
            blobs = {n: tf.constant(b) for n, b in self._source.take(indices).items()}
            compute = self._run if self._runs_once else self._compiled(blobs)
            with network.refusing("the network"):
                return compute(blobs)

    def _compiled(self, blobs: dict[str, Any]) -> Graph:
        """Return the one graph, made for any number of samples when it is first needed."""
        with self._building:
            if self._graph is None:
                specs = {name: any_number_of(blob) for name, blob in blobs.items()}
                function = tf.function(self._run, autograph=False)
                self._graph = function.get_concrete_function(specs)
        return self._graph

    def _run(self, blobs: dict[str, Any]) -> dict[str, Any]:
        total = tf.shape(next(iter(blobs.values())))[0]
        found = network.run(self._layers, blobs, self._weights, self._wanted)
        return {name: repeated(blob, total) for name, blob in found.items()}


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
    if not plan.frozen:
        return inputs
    return FrozenFeatures(inputs, plan.frozen, plan.features, batch_size)


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
    """Write all of `blobs` into `found`."""
    for part, batch in computed(blobs, batch_size):
        for name, blob in batch.items():
            found[name][part] = blob
        on_progress(part.stop)


def computed(blobs: Source, batch_size: int) -> Iterator[tuple[slice, dict[str, Floats]]]:
    """Yield the blobs of all samples, batch by batch, and which samples they are.

    A few batches are computed at a time: TensorFlow, which computes on all cores, leaves some idle
    in many operations, and between batches.
    """
    ahead: deque[tuple[slice, Future[dict[str, Floats]]]] = deque()
    with ThreadPoolExecutor(AT_A_TIME) as workers:
        try:
            for part in arrays.batches(len(blobs), batch_size):
                ahead.append((part, workers.submit(blobs.take, np.arange(part.start, part.stop))))
                if len(ahead) > AT_A_TIME:  # one waits, so that no worker does
                    yield _next(ahead)
            while ahead:
                yield _next(ahead)
        except BaseException:
            workers.shutdown(cancel_futures=True)  # otherwise ^C would wait for all of them
            raise


def _next(
    ahead: deque[tuple[slice, Future[dict[str, Floats]]]],
) -> tuple[slice, dict[str, Floats]]:
    part, batch = ahead.popleft()
    return part, batch.result()


def _on_disk(shape: tuple[int, ...], dtype: type) -> Array:
    """Return an array in a file that has no name and goes when the array goes."""
    with tempfile.TemporaryFile(dir=Path(tempfile.gettempdir())) as file:
        return np.memmap(file, dtype, "w+", shape=shape)
