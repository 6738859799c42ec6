"""The weighted mean of any number of models, one after the other: only one is in memory.

The sums are in 64 bits and rounded once at the end, so that the mean is that of NumPy:
``numpy.average(stacked.astype("float64"), axis=0, weights=weights).astype("float32")``.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

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
    shares = None if shares is None else _numbers(shares)
    _check(paths, shares)
    first = mlmodel.read(paths[0])
    same = _Same(paths[0], first)
    sums = [np.zeros(tensor.size) for tensor in tensors(first)]
    counted = [np.empty(0 if shares is None else tensor.size) for tensor in tensors(first)]
    for done, path in enumerate(paths, start=1):
        for total, part, values in zip(sums, counted, same.learned(path), strict=True):
            if shares is None:
                total += values
            else:
                total += np.multiply(values, shares[done - 1], out=part, dtype=np.float64)
        progress(done)
    if not all(np.isfinite(total).all() for total in sums):
        raise DataError(_odd(same, paths))
    whole = len(paths) if shares is None else math.fsum(shares)
    for tensor, total in zip(tensors(first), sums, strict=True):
        set_floats(tensor.stored, total / whole)
    return first


def _numbers(shares: Sequence[float]) -> list[float]:
    try:
        return [float(share) for share in shares]
    except (TypeError, ValueError):
        raise UsageError("--weights: are no numbers; give one for each model") from None


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


class _Same:
    """Reads the learned weights of files that descend from one.

    Two files of one origin are usually the same, byte for byte, but for the numbers that were
    learned: then these are read from their places, and nothing is parsed. Any other file is.
    """

    def __init__(self, path: Path, first: Message) -> None:
        self.first, self._path = first, path
        self._bare = without_learned(first)
        self._fixed = _between(self._bare)
        self._between = [bytearray(len(fixed)) for fixed in self._fixed]
        # Arrays of their own lie at addresses from which numbers can be read fast.
        self._learned = [np.empty(tensor.size, "<f4") for tensor in tensors(first)]
        self._size = sum(map(len, self._fixed)) + sum(part.nbytes for part in self._learned)

    def learned(self, path: Path) -> list[Floats]:
        """Return the learned weights in `path`, valid until the next call.

        Raises:
            ModelFileError: the file cannot be read.
            DataError: it does not descend from the same file.
        """
        return self._learned if self._read_in_place(path) else self._parsed(path)

    def _read_in_place(self, path: Path) -> bool:
        """Read the numbers from their places, if all else in the file is as in the first one."""
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size != self._size:
                return False
            with path.open("rb", buffering=0) as file:
                for place, fixed in enumerate(self._fixed):
                    between = self._between[place]
                    if file.readinto(between) != len(fixed) or between != fixed:
                        return False
                    if place < len(self._learned):
                        octets = self._learned[place].view(np.uint8)
                        if file.readinto(octets.data) != len(octets):
                            return False
        except OSError:
            return False  # `mlmodel.read` says why
        return True

    def _parsed(self, path: Path) -> list[Floats]:
        model = mlmodel.read(path)
        if what := difference(self._bare, without_learned(model)):
            raise DataError(
                f"{path}: does not descend from the same file as {self._path}: {what}; "
                "average models of one shipped file"
            )
        return [tensor.values() for tensor in tensors(model)]


def _between(bare: Message) -> list[bytes]:
    """Return what stands in the file of the model `bare` before, between and behind its learned
    weights, which it lacks.
    """
    stored = [(tensor.stored, tensor.size) for tensor in tensors(bare)]
    arrays = {
        id(params): Encoded(np.broadcast_to(np.float32(0), (size,))) for params, size in stored
    }
    found = [bytearray()]
    for chunk in chunks(bare, arrays):
        if isinstance(chunk, bytes):
            found[-1] += chunk
        else:
            found.append(bytearray())
    return [bytes(part) for part in found]
