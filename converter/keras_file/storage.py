"""Where a Keras model keeps its JSON and its arrays: a row of `FORMS` for each way it is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from converter.errors import KerasFileError, reason
from converter.file_kinds import described, special
from converter.keras_file import reader, zipped
from converter.keras_file.content import Arrays, Place, Stored
from converter.keras_file.unpacked import unpacked

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Form:
    """A way in which a Keras model lies around.

    `belongs` tells by names and first bytes whether a file or folder is of this form; `read_json`
    reads architecture and compile settings, `open_arrays` opens the arrays, still on disk.
    """

    name: str
    belongs: Callable[[Path], bool]
    read_json: Callable[[Path], Stored]
    open_arrays: Callable[[Path], AbstractContextManager[Arrays]]


def _is_hdf5(path: Path) -> bool:
    return _start(path) == HDF5_SIGNATURE


def _hdf5_json(path: Path) -> Stored:
    return reader.model_json(Place(path))


@contextmanager
def _hdf5_arrays(path: Path) -> Iterator[Arrays]:
    yield reader.arrays(Place(path), by_layer=True)


def _is_zip(path: Path) -> bool:
    return _start(path).startswith(b"PK")


def _zip_json(path: Path) -> Stored:
    with zipped.open_zip(path) as archive:
        stored = zipped.model_json(archive)
    if stored is None:
        with path.open("rb") as file:
            raise KerasFileError(described(file) or "is a zip, and holds no Keras model")
    return stored


@contextmanager
def _zip_arrays(path: Path) -> Iterator[Arrays]:
    with zipped.weights_place(path) as place:
        yield reader.arrays(place, by_layer=False)


HDF5 = Form("an HDF5 file", _is_hdf5, _hdf5_json, _hdf5_arrays)
KERAS_ZIP = Form("a .keras zip", _is_zip, _zip_json, _zip_arrays)

FORMS = (HDF5, KERAS_ZIP)
"""The first one to which a file or folder belongs is its form."""


def read_json(path: Path) -> Stored:
    """Read the JSON of a Keras model, whose form is told by content, not by name.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, or no Keras model.
    """
    return form_of(path).read_json(path)


def open_arrays(path: Path) -> AbstractContextManager[Arrays]:
    """Return the arrays of the model, which can be read while a block with them runs.

    Raises:
        KerasFileError: the file is damaged.
    """
    return form_of(path).open_arrays(path)


def check_kind(path: Path) -> None:
    """Check by names and first bytes, before TensorFlow is started, that `path` may be a model.

    Raises:
        KerasFileError: it is missing, empty, or a file or folder of another kind.
    """
    try:
        with unpacked(path, only_looked_at=True) as place:
            form_of(place)
    except KerasFileError as error:
        raise KerasFileError(f"{path}: {error}") from error


def is_hdf5(path: Path) -> bool:
    """Tell whether the Keras model `path` is one HDF5 file.

    Raises:
        KerasFileError: it is no Keras model.
    """
    return form_of(path) is HDF5


def form_of(path: Path) -> Form:
    """Return the form of the Keras model `path`.

    Raises:
        KerasFileError: it is missing, empty, or a file or folder of another kind.
    """
    if unreadable := special(path):
        raise KerasFileError(unreadable)
    try:
        found = next((form for form in FORMS if form.belongs(path)), None)
        if found is not None:
            return found
        raise KerasFileError(_other_kind(path))
    except OSError as error:
        raise KerasFileError(f"cannot be read ({reason(error)})") from error


def _start(path: Path) -> bytes:
    """Return the first bytes of a file, none of a folder."""
    if path.is_dir():
        return b""
    with path.open("rb") as file:
        return file.read(8)


def _other_kind(path: Path) -> str:
    """Return what `path` is, which is no Keras model, and what to do."""
    if path.is_dir():
        saved = (path / "saved_model.pb").is_file()
        kind = "a TensorFlow SavedModel" if saved else "a folder"
        return f"is {kind}, not a Keras file; write one: model.save('model.keras')"
    with path.open("rb") as file:
        found = described(file)
    protobuf = ", but perhaps one of Core ML or TensorFlow" if _start(path)[:1] == b"\x08" else ""
    return found or f"is not a Keras model, neither HDF5 nor a .keras zip{protobuf}"
