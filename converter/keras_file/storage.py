"""Where a Keras file keeps its JSON and its arrays: HDF5, or a zip with an HDF5 inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from converter.errors import KerasFileError, reason
from converter.file_kinds import described, special
from converter.keras_file import reader, zipped
from converter.keras_file.content import Arrays, Place, Stored

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def read_json(path: Path) -> Stored:
    """Read the JSON of a ``.h5``, ``.hdf5`` or ``.keras`` file, told apart by content, not by name.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, or no Keras model.
    """
    if is_hdf5(path):
        return reader.model_json(Place(path))
    with zipped.open_zip(path) as archive:
        stored = zipped.model_json(archive)
    if stored is None:
        with path.open("rb") as file:
            raise KerasFileError(described(file) or "is a zip, and holds no Keras model")
    return stored


@contextmanager
def open_arrays(path: Path) -> Iterator[Arrays]:
    """Yield the arrays of the file; they can be read while the block runs.

    Raises:
        KerasFileError: the file is damaged.
    """
    if is_hdf5(path):
        yield reader.arrays(Place(path), by_layer=True)
        return
    with zipped.weights_place(path) as place:
        yield reader.arrays(place, by_layer=False)


def check_kind(path: Path) -> None:
    """Check by the first bytes, before TensorFlow is started, that `path` may be a Keras file.

    Raises:
        KerasFileError: it is missing, empty, a folder, or a file of another kind.
    """
    try:
        is_hdf5(path)
    except KerasFileError as error:
        raise KerasFileError(f"{path}: {error}") from error


def is_hdf5(path: Path) -> bool:
    """Tell HDF5 (True) from a zip (False) by the first bytes; anything else is an error."""
    if path.is_dir():
        saved = (path / "saved_model.pb").is_file()
        kind = "a TensorFlow SavedModel" if saved else "a folder"
        raise KerasFileError(f"is {kind}, not a Keras file; write one: model.save('model.keras')")
    if unreadable := special(path):
        raise KerasFileError(unreadable)
    try:
        with path.open("rb") as file:
            start = file.read(8)
            if start == HDF5_SIGNATURE or start.startswith(b"PK"):
                return start == HDF5_SIGNATURE
            found = described(file)
    except OSError as error:
        raise KerasFileError(f"cannot be read ({reason(error)})") from error
    protobuf = ", but perhaps one of Core ML or TensorFlow" if start[:1] == b"\x08" else ""
    raise KerasFileError(found or f"is not a Keras model, neither HDF5 nor a .keras zip{protobuf}")
