"""Where a Keras file keeps its JSON and its arrays: HDF5, or a zip with an HDF5 inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from converter.errors import KerasFileError
from converter.keras_file import hdf5, zipped
from converter.keras_file.content import Arrays, Stored

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
KNOWN_STARTS = {b"{": "a model's JSON, without weights", b"\x80": "a Python pickle"}
"""First byte of files that people take for a Keras model -> what they are."""


def read_json(path: Path) -> Stored:
    """Read the JSON of a ``.h5``, ``.hdf5`` or ``.keras`` file, told apart by content, not by name.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, or no Keras model.
    """
    if is_hdf5(path):
        with hdf5.open_hdf5(path) as file:
            return hdf5.model_json(file)
    with zipped.open_zip(path) as archive:
        return zipped.model_json(archive)


@contextmanager
def open_arrays(path: Path) -> Iterator[Arrays]:
    """Yield the arrays of the file; they can be read while the block runs.

    Raises:
        KerasFileError: the file is damaged.
    """
    if is_hdf5(path):
        with hdf5.open_hdf5(path) as file:
            yield Arrays(hdf5.layer_groups(file), by_layer=True)
        return
    with zipped.open_weights(path) as weights, hdf5.open_hdf5(weights) as file:
        yield Arrays(hdf5.class_groups(file), by_layer=False)


def is_hdf5(path: Path) -> bool:
    """Tell HDF5 (True) from a zip (False) by the first bytes; anything else is an error."""
    if path.is_dir():
        raise KerasFileError("is a folder, not a Keras file; write one: model.save('model.keras')")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise KerasFileError(f"cannot be read ({error.strerror or error})") from error
    if not start:
        raise KerasFileError("is empty")
    if start == HDF5_SIGNATURE or start.startswith(b"PK"):
        return start == HDF5_SIGNATURE
    guess = KNOWN_STARTS.get(start[:1])
    raise KerasFileError(
        f"is not a Keras model, neither HDF5 nor a .keras zip{f', but {guess}' if guess else ''}"
    )
