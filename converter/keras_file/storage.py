"""Where a Keras model keeps its JSON and its arrays: a row of `FORMS` for each way it is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from converter.errors import KerasFileError, reason
from converter.files.kinds import described, special
from converter.keras_file import (
    architecture,
    checkpoint,
    objects,
    reader,
    saved_model,
    tensorflow_js,
    zipped,
)
from converter.keras_file.content import Arrays, Place, Stored
from converter.keras_file.unpacked import unpacked

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

WEIGHTS_ALONE = (
    "is a TensorFlow checkpoint, weights without an architecture; write that, model.to_json(), "
    "into a file that you give as the model, and this one with --weights"
)
NO_WEIGHTS = (
    "is the architecture of a model, without its weights; name the file that has them with "
    "--weights"
)


GRAPH_ALONE = (
    "is a SavedModel without a description of its layers, of which only the graph is read; nothing "
    "can be written into it"
)


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
    yield reader.arrays(Place(path))


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
        yield reader.arrays(place)


@contextmanager
def _saved_model_arrays(path: Path) -> Iterator[Arrays]:
    yield saved_model.model_arrays(path)


def _is_architecture(path: Path) -> bool:
    return _start(path).lstrip()[:1] == b"{" and architecture.is_stored(path)


def _no_arrays(path: Path) -> AbstractContextManager[Arrays]:
    raise KerasFileError(NO_WEIGHTS)


def _is_checkpoint(path: Path) -> bool:
    return checkpoint.prefix_of(path) is not None


def _no_json(path: Path) -> Stored:
    raise KerasFileError(WEIGHTS_ALONE)


@contextmanager
def _checkpoint_arrays(path: Path) -> Iterator[Arrays]:
    prefix = checkpoint.prefix_of(path)
    assert prefix is not None, "it belongs to this form"
    yield objects.arrays(prefix)


def _is_saved_model(path: Path) -> bool:
    return (path / "saved_model.pb").is_file()


def _graph_json(path: Path) -> Stored:
    raise KerasFileError(GRAPH_ALONE)


def _graph_arrays(path: Path) -> AbstractContextManager[Arrays]:
    raise KerasFileError(GRAPH_ALONE)


HDF5 = Form("an HDF5 file", _is_hdf5, _hdf5_json, _hdf5_arrays)
KERAS_ZIP = Form("a .keras zip", _is_zip, _zip_json, _zip_arrays)
KERAS_SAVED_MODEL = Form(
    "a SavedModel of Keras 2",
    saved_model.is_saved_by_keras,
    saved_model.model_json,
    _saved_model_arrays,
)
TENSORFLOW_JS = Form(
    "a TensorFlow.js layers model",
    tensorflow_js.belongs,
    tensorflow_js.read_json,
    tensorflow_js.open_arrays,
)
ARCHITECTURE = Form("an architecture in JSON", _is_architecture, architecture.read, _no_arrays)
CHECKPOINT = Form("a TensorFlow checkpoint", _is_checkpoint, _no_json, _checkpoint_arrays)
GRAPH = Form("a SavedModel", _is_saved_model, _graph_json, _graph_arrays)

FORMS = (HDF5, KERAS_ZIP, KERAS_SAVED_MODEL, TENSORFLOW_JS, ARCHITECTURE, GRAPH)
"""The first one to which a file or folder belongs is its form."""

WEIGHTS = (CHECKPOINT, *FORMS)
"""The same for weights that are kept apart from their model, of which a model's own may be some."""


def read_json(path: Path) -> Stored:
    """Read the JSON of a Keras model, whose form is told by content, not by name.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, or no Keras model.
    """
    return form_of(path).read_json(path)


def open_arrays(path: Path) -> AbstractContextManager[Arrays]:
    """Return the arrays of the model, or the weights, at `path`, to read while a block runs.

    Raises:
        KerasFileError: the file is damaged, or an architecture alone.
    """
    return form_of(path, WEIGHTS).open_arrays(path)


def check_kind(path: Path, weights: Path | None = None) -> None:
    """Check by names and first bytes, before TensorFlow is started, that `path` may be a model.

    The same of the `weights` that are to take the place of its own.

    Raises:
        KerasFileError: one is missing, empty, or a file or folder of another kind; or the model has
            no weights, and none are given.
    """
    model = _form(path, FORMS)
    if weights is None:
        if model is ARCHITECTURE:
            raise KerasFileError(f"{path}: {NO_WEIGHTS}")
        return
    if not weights.exists() and checkpoint.prefix_of(weights) is None:
        raise KerasFileError(f"{weights}: there is no such file of weights; check the path")
    if _form(weights, WEIGHTS) is ARCHITECTURE:
        raise KerasFileError(
            f"{weights}: is the architecture of a model, without weights; give it as the model, "
            "and with --weights the file that has them"
        )
    if path.exists() and weights.exists() and path.samefile(weights):
        raise KerasFileError(
            f"{weights}: is the model itself, whose weights are read anyway; leave --weights out"
        )


def _form(path: Path, forms: Sequence[Form]) -> Form:
    try:
        with unpacked(path, only_looked_at=True) as place:
            return form_of(place, forms)
    except KerasFileError as error:
        raise KerasFileError(f"{path}: {error}") from error


def is_hdf5(path: Path) -> bool:
    """Tell whether the Keras model `path` is one HDF5 file.

    Raises:
        KerasFileError: it is no Keras model.
    """
    return form_of(path) is HDF5


def is_graph(path: Path) -> bool:
    """Tell whether the Keras model `path` is a SavedModel that is read by its graph.

    Raises:
        KerasFileError: it is no Keras model.
    """
    return form_of(path) is GRAPH


def form_of(path: Path, forms: Sequence[Form] = FORMS) -> Form:
    """Return the one of `forms` that the Keras model, or weights, at `path` have.

    Raises:
        KerasFileError: it is missing, empty, or a file or folder of another kind.
    """
    if unreadable := special(path):
        raise KerasFileError(unreadable)
    try:
        found = next((form for form in forms if form.belongs(path)), None)
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
        if (path / tensorflow_js.NAME).is_file():
            inside = _other_kind(path / tensorflow_js.NAME)
            return f"is a folder whose {tensorflow_js.NAME} {inside}"
        if checkpoint.prefix_of(path) is not None:
            return WEIGHTS_ALONE
        return "is a folder, not a Keras file; write one: model.save('model.keras')"
    if checkpoint.prefix_of(path) is not None:
        return WEIGHTS_ALONE
    if path.name == "saved_model.pb":
        return "is a part of a SavedModel; give the folder that it lies in"
    with path.open("rb") as file:
        found = described(file)
    protobuf = ", but perhaps one of Core ML or TensorFlow" if _start(path)[:1] == b"\x08" else ""
    return found or f"is not a Keras model, neither HDF5 nor a .keras zip{protobuf}"
