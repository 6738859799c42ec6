"""Weights as TensorFlow.js keeps them: one behind the other in shards, some of them quantized.

https://github.com/tensorflow/tfjs: tfjs-core/src/io/io_utils.ts reads them, and
tfjs-converter/python/tensorflowjs/write_weights.py writes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import KerasFileError, reason
from converter.keras_file.content import Json

TYPES = {"float32": "<f4", "int32": "<i4", "bool": "|u1"}
"""Type of a weight -> how its values are stored, if they are not quantized."""

QUANTIZED = {"uint8": "|u1", "uint16": "<u2", "float16": "<f2"}
"""Type that values are quantized to -> how they are stored."""

LARGEST_NUMBER = float(np.finfo(np.float32).max)

INCOMPLETE = "copy the folder again, with all its shards"


@dataclass(frozen=True)
class Shards:
    """Files that are read as if they were one; `files` are their paths and sizes in bytes."""

    files: tuple[tuple[Path, int], ...]

    @property
    def size(self) -> int:
        """Return how many bytes they hold together."""
        return sum(size for _, size in self.files)

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on, which may lie in several files.

        Raises:
            KerasFileError: a file has become shorter meanwhile.
        """
        parts, start = [], 0
        for path, length in self.files:
            first, last = max(offset, start), min(offset + size, start + length)
            if first < last:
                parts.append(_read(path, first - start, last - first))
            start += length
        if sum(map(len, parts)) != size:
            raise KerasFileError(f"has weights that were cut short; {INCOMPLETE}")
        return b"".join(parts)


def _read(path: Path, offset: int, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise KerasFileError(f"has weights in {path.name} ({reason(error)})") from error


@dataclass(frozen=True)
class ShardedArray:
    """An array still on disk, read by ``array[()]``: `offset` bytes behind the start of `shards`.

    Its values are stored as `stored` and become `dtype`. Those that were quantized to whole numbers
    were divided by a scale; `affine` is that scale and the smallest value.
    """

    shards: Shards
    name: str
    offset: int
    shape: tuple[int, ...]
    stored: np.dtype[Any]
    dtype: np.dtype[Any]
    affine: tuple[float, float] | None = None

    @property
    def size(self) -> int:
        """Return how many bytes it takes in the shards."""
        return math.prod(self.shape) * self.stored.itemsize

    def __getitem__(self, key: tuple[()]) -> npt.NDArray[Any]:
        """Return the whole array.

        Raises:
            KerasFileError: a file ends too early.
        """
        values = np.frombuffer(self.shards.read(self.offset, self.size), self.stored)
        if self.affine is not None:
            scale, smallest = self.affine
            exact = values * scale + smallest
            values = np.round(exact) if self.dtype.kind == "i" else exact
        return values.astype(self.dtype).reshape(self.shape)


def arrays(manifest: Json, folder: Path) -> Iterator[ShardedArray]:
    """Yield the arrays that a `manifest` of weights names, whose shards lie in `folder`.

    Those of an optimizer, which may stand behind the weights, are left out.

    Raises:
        KerasFileError: the manifest is none, names a file outside of `folder`, or holds more or
            less than the shards do.
    """
    if not isinstance(manifest, list):
        raise KerasFileError("holds no weights (no weightsManifest in its JSON)")
    for group in manifest:
        if not isinstance(group, Mapping):
            raise KerasFileError(
                f"has {group!r:.80} in its weightsManifest, not a group of weights"
            )
        shards = Shards(tuple(_files(group.get("paths"), folder)))
        yield from _group(group.get("weights"), shards)


def _files(paths: Json, folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield path and size of each shard."""
    for name in _listed(paths, "paths"):
        if not isinstance(name, str) or _leads_out(name):
            raise KerasFileError(
                f"has its weights in {name!r:.80}, which is no file in its own folder; put all "
                "shards beside the JSON, and name them so"
            )
        path = folder / name
        if not path.is_file():
            raise KerasFileError(f"has weights in {name!r:.80}, which is not there; {INCOMPLETE}")
        yield path, path.stat().st_size


def _leads_out(name: str) -> bool:
    """Tell whether `name` is no relative path that stays in its folder."""
    parts = PurePosixPath(name).parts
    return (
        not parts
        or name.startswith("/")
        or ".." in parts
        or any(sign in name for sign in ("\\", ":", "\0"))
    )


def _group(weights: Json, shards: Shards) -> Iterator[ShardedArray]:
    """Yield the arrays of one group, once they are known to fill its `shards`."""
    found, offset = [], 0
    for stored in _listed(weights, "weights"):
        array = _array(stored, shards, offset)
        offset += array.size
        if stored.get("group") != "optimizer":
            found.append(array)
    if offset != shards.size:
        names = ", ".join(path.name for path, _ in shards.files) or "no shard"
        raise KerasFileError(
            f"has {offset:,} bytes of weights by its weightsManifest, but {shards.size:,} in "
            f"{names:.120}; {INCOMPLETE}"
        )
    yield from found


def _array(stored: Json, shards: Shards, offset: int) -> ShardedArray:
    """Return the array that an entry of a manifest describes."""
    name = stored.get("name") if isinstance(stored, Mapping) else None
    if not isinstance(name, str):
        raise KerasFileError(f"has {stored!r:.80} in its weightsManifest, a weight without a name")
    shape, kind = stored.get("shape"), stored.get("dtype")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise KerasFileError(f"has a weight {name!r} of shape {shape!r:.80}, which is none")
    if not isinstance(kind, str) or kind not in TYPES:
        raise KerasFileError(
            f"has a weight {name!r} of the type {kind!r:.80}, of which there are {', '.join(TYPES)}"
        )
    dtype = np.dtype("bool" if kind == "bool" else TYPES[kind])
    if (quantization := stored.get("quantization")) is None:
        return ShardedArray(shards, name, offset, tuple(shape), np.dtype(TYPES[kind]), dtype)
    to = quantization.get("dtype") if isinstance(quantization, Mapping) else None
    packed = QUANTIZED.get(to) if isinstance(to, str) else None
    if packed is None or kind == "bool" or (to == "float16" and kind != "float32"):
        raise KerasFileError(
            f"has a weight {name!r} of {kind} quantized as {quantization!r:.80}, which is not "
            f"known; known are {', '.join(QUANTIZED)}"
        )
    affine = None if to == "float16" else _affine(name, quantization)
    return ShardedArray(shards, name, offset, tuple(shape), np.dtype(packed), dtype, affine)


def _affine(name: str, quantization: Mapping[str, Json]) -> tuple[float, float]:
    """Return scale and smallest value of a weight that was quantized to whole numbers."""
    scale, smallest = _number(quantization.get("scale")), _number(quantization.get("min"))
    if scale is None or smallest is None:
        raise KerasFileError(
            f"has a weight {name!r} that is quantized without a scale and a min that are numbers"
        )
    return scale, smallest


def _number(value: Json) -> float | None:
    """Return what is a number of 32 bits; None for anything else."""
    is_number = type(value) in (int, float) and abs(value) <= LARGEST_NUMBER
    return float(value) if is_number else None


def _listed(stored: Json, key: str) -> Sequence[Json]:
    if not isinstance(stored, list):
        raise KerasFileError(f"has {stored!r:.80} as {key} in its weightsManifest, not a list")
    return stored
