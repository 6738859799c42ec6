"""The weighted mean of any number of models, one after the other: only one is in memory.

The sums are in 64 bits and rounded once at the end, so that the mean is that of NumPy:
``numpy.average(stacked.astype("float64"), axis=0, weights=weights).astype("float32")``.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converter.coreml import mlmodel
from converter.coreml.mlmodel import Floats, Message, set_floats
from converter.coreml.wire import Encoded, chunks
from converter.errors import DataError, UsageError
from converter.weights.descent import difference, without_learned
from converter.weights.tensors import tensors


def average(
    paths: Sequence[Path],
    shares: Sequence[float] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Message:
    """Return the first of the models in `paths` with the mean of the weights that learn of all.

    `shares` are what each counts, in any unit; by default all count the same.

    Raises:
        UsageError: there are no models, one twice, or shares that no mean can be made by.
        ModelFileError: a file cannot be read.
        TrainingError: nothing learns in a model.
        DataError: a model does not descend from the same file as the first, or holds a weight that
            is no finite number.
    """
    _check(paths, shares)
    first = mlmodel.read(paths[0])
    same = _Same(paths[0], first)
    sums = [np.zeros(tensor.size) for tensor in tensors(first)]
    for done, path in enumerate(paths, start=1):
        for total, values in zip(sums, same.learned(path), strict=True):
            if shares is None:
                total += values
            else:
                total += values * np.float64(shares[done - 1])
        progress(done)
    if not all(np.isfinite(total).all() for total in sums):
        raise DataError(_odd(same, paths))
    whole = len(paths) if shares is None else math.fsum(shares)
    for tensor, total in zip(tensors(first), sums, strict=True):
        set_floats(tensor.stored, total / whole)
    return first


def _check(paths: Sequence[Path], shares: Sequence[float] | None) -> None:
    if not paths:
        raise UsageError("average: there are no models; name at least one")
    seen: dict[tuple[int, int], Path] = {}
    for path in paths:
        if path.exists():
            found = path.stat()
            if other := seen.get((found.st_dev, found.st_ino)):
                raise UsageError(
                    f"{path}: is the same file as {other}; to count it more, say so by --weights"
                )
            seen[found.st_dev, found.st_ino] = path
    if shares is None:
        return
    if len(shares) != len(paths):
        raise UsageError(f"--weights: {len(shares)} numbers for {len(paths)} models; give as many")
    for share in shares:
        if not math.isfinite(share) or share < 0:
            raise UsageError(f"--weights: {share:g} is no weight; give numbers of 0 or more")
    if not 0 < math.fsum(shares) < math.inf:
        raise UsageError(f"--weights: their sum is {math.fsum(shares):g}; give some that count")


def _odd(same: _Same, paths: Sequence[Path]) -> str:
    """Return which weight is no finite number; the files are read a second time for that."""
    for path in paths:
        for tensor, values in zip(tensors(same.first), same.learned(path), strict=True):
            if not np.isfinite(values).all():
                return f"{path}: '{tensor.name}' holds a value that is no finite number"
    return "the mean is too large for a number"


@dataclass(frozen=True)
class _Stretch:
    """Bytes that must be the same in all files (`fixed`), or `size` bytes of learned weights."""

    start: int
    size: int
    fixed: npt.NDArray[np.uint8] | None


class _Same:
    """Reads the learned weights of files that descend from one.

    Two files of one origin are usually the same, byte for byte, but for the numbers that were
    learned: then these are taken from their places, and nothing is parsed. Any other file is.
    """

    def __init__(self, path: Path, first: Message) -> None:
        self.first, self._path = first, path
        self._bare = without_learned(first)
        self._stretches = _stretches(self._bare)
        last = self._stretches[-1]
        self._buffer = np.empty(last.start + last.size, np.uint8)

    def learned(self, path: Path) -> list[Floats]:
        """Return the learned weights in `path`, valid until the next call.

        Raises:
            ModelFileError: the file cannot be read.
            DataError: it does not descend from the same file.
        """
        return self._in_place(path) or self._parsed(path)

    def _in_place(self, path: Path) -> list[Floats] | None:
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size != len(self._buffer):
                return None
            with path.open("rb", buffering=0) as file:
                if file.readinto(self._buffer) != len(self._buffer):  # type: ignore[arg-type]
                    return None
        except OSError:
            return None  # `mlmodel.read` says why
        learned = []
        for stretch in self._stretches:
            octets = self._buffer[stretch.start : stretch.start + stretch.size]
            if stretch.fixed is None:
                learned.append(np.frombuffer(octets.data, "<f4"))
            elif not np.array_equal(octets, stretch.fixed):
                return None
        return learned

    def _parsed(self, path: Path) -> list[Floats]:
        model = mlmodel.read(path)
        if what := difference(self._bare, without_learned(model)):
            raise DataError(
                f"{path}: does not descend from the same file as {self._path}: {what} differs; "
                "average models of one shipped file"
            )
        return [tensor.values() for tensor in tensors(model)]


def _stretches(bare: Message) -> list[_Stretch]:
    """Return the parts of the file of the model `bare`, which lacks its learned weights."""
    stored = [(tensor.stored, tensor.size) for tensor in tensors(bare)]
    arrays = {
        id(params): Encoded(np.broadcast_to(np.float32(0), (size,))) for params, size in stored
    }
    found, place = list[_Stretch](), 0
    for chunk in chunks(bare, arrays):
        fixed = np.frombuffer(chunk, np.uint8) if isinstance(chunk, bytes) else None
        size = len(chunk) if isinstance(chunk, bytes) else chunk.size
        found.append(_Stretch(place, size, fixed))
        place += size
    return found
