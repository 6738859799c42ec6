"""Weights as ``.npz`` archives, by their names: what NumPy and every federated framework read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt

from converter.coreml.mlmodel import Floats
from converter.errors import DataError
from converter.files.kinds import ZIP_ERRORS, refuse_special
from converter.files.writing import replacing

ENDING = ".npz"

BROKEN = (LookupError, MemoryError, SyntaxError, TypeError, *ZIP_ERRORS)
"""What reading an archive that NumPy did not write can end in."""

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def write(path: Path, weights: Mapping[str, Floats]) -> None:
    """Write `weights` to `path` in one step.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        arrays: dict[str, Any] = dict(weights)
        np.savez(file, **arrays)


def read(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays in `path`; `shapes` are those that the model has.

    An array of a name or shape that is not among `shapes` is refused before it is unpacked.

    Raises:
        DataError: the file is no archive of arrays, or of other ones.
    """
    refuse_special(path, DataError)
    if not path.exists():
        raise DataError(f"{path}: there is no such file; check the path")
    try:
        with ZipFile(path) as archive:
            return {
                name: _array(archive, member, name, shapes)
                for member in archive.namelist()
                for name in [member.removesuffix(".npy")]
            }
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except BROKEN as error:
        raise DataError(
            f"{path}: is no .npz archive of weights; write one with: weights get"
        ) from error


def _array(
    archive: ZipFile, member: str, name: str, shapes: Mapping[str, tuple[int, ...]]
) -> npt.NDArray[Any]:
    if name not in shapes:
        raise DataError(f"'{name}' is no weight of the model; it has {', '.join(shapes)}")
    with archive.open(member) as file:
        shape = _shape(file)
    if shape != shapes[name]:
        raise DataError(f"'{name}': has the shape {list(shape)}, not {list(shapes[name])}")
    with archive.open(member) as file:
        found: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return found


def _shape(file: IO[bytes]) -> tuple[int, ...]:
    version = np.lib.format.read_magic(file)
    shape: tuple[int, ...] = _HEADERS[version](file)[0]
    return shape
