"""A copy of a Keras file with other values in some of its arrays; all else stays as it is.

Of a ``.keras`` zip every other member stays byte for byte, in its place.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from converter.errors import KerasFileError
from converter.keras_file import reader
from converter.keras_file.storage import is_hdf5
from converter.keras_file.zipped import LARGEST_WEIGHTS, WEIGHTS, open_zip


def rewrite(source: Path, target: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write to `target` what is in `source`, with `arrays` by their names in the HDF5 part.

    Each has the shape and type that it has in the file.

    Raises:
        KerasFileError: `source` is damaged.
    """
    if is_hdf5(source):
        shutil.copyfile(source, target)
        _put(target, arrays)
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        open_zip(source) as old,
        zipfile.ZipFile(target, "w") as new,
    ):
        weights = Path(folder) / WEIGHTS
        for info in old.infolist():
            if info.filename == WEIGHTS:
                if info.file_size > LARGEST_WEIGHTS:
                    raise KerasFileError("holds more weights than a Core ML model can")
                with old.open(info) as member, weights.open("wb") as file:
                    shutil.copyfileobj(member, file, 2**24)
                _put(weights, arrays)
                with weights.open("rb") as file, new.open(_like(info), "w") as member:
                    shutil.copyfileobj(file, member, 2**24)
            else:
                new.writestr(_like(info), old.read(info))


def _put(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    for name, array in arrays.items():
        reader.put(path, name, array)


def _like(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return the head of a member with the name, time and compression of another one."""
    made = zipfile.ZipInfo(info.filename, info.date_time)
    made.compress_type, made.external_attr = info.compress_type, info.external_attr
    made.create_system, made.file_size = info.create_system, info.file_size
    return made
