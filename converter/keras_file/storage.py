"""Where a Keras file keeps its JSON and its arrays: HDF5, or a zip with an HDF5 inside."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from converter.errors import KerasFileError, MissingDependencyError

Json: TypeAlias = Any
"""Whatever ``json.loads`` returns."""

Dataset: TypeAlias = Any
"""An array still on disk: ``h5py.Dataset``, which has a shape and is read by ``dataset[()]``."""

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
DAMAGED = "is damaged or truncated; copy or export it again"
KNOWN_STARTS = {b"{": "a model's JSON, without weights", b"\x80": "a Python pickle"}
"""First byte of files that people take for a Keras model -> what they are."""


@dataclass
class Group:
    """One level of a tree of arrays: its own, by stored name and in order, and its children."""

    name: str = ""
    arrays: list[tuple[str, Dataset]] = field(default_factory=list)
    children: dict[str, Group] = field(default_factory=dict)

    def child(self, path: str) -> Group:
        """Return the group at `path` ("a/b"), made if it is new."""
        group = self
        for part in filter(None, path.split("/")):
            group = group.children.setdefault(part, Group())
        return group

    def is_empty(self) -> bool:
        """Tell whether no array stands here or below."""
        return not self.arrays and all(child.is_empty() for child in self.children.values())


@dataclass(frozen=True)
class Arrays:
    """All arrays of a file, in one of two layouts.

    `by_layer`: the children of `root` are named after the model's layers, and hold the arrays of
    nested models flat (every HDF5 model file). Otherwise they are named after classes and nest as
    the layers do (the ``model.weights.h5`` of a ``.keras`` zip).
    """

    root: Group
    by_layer: bool


@dataclass(frozen=True)
class Stored:
    """The JSON of one Keras file, and the Keras that wrote it."""

    architecture: Json
    training: Json
    version: str
    backend: str


def read_json(path: Path) -> Stored:
    """Read the JSON of a ``.h5``, ``.hdf5`` or ``.keras`` file, told apart by content, not by name.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, or no Keras model.
    """
    if is_hdf5(path):
        with open_hdf5(path) as file:
            return _json_of_hdf5(file)
    with _open_zip(path) as archive:
        return _json_of_zip(archive)


@contextmanager
def open_arrays(path: Path) -> Iterator[Arrays]:
    """Yield the arrays of the file; they can be read while the block runs.

    Raises:
        KerasFileError: the file is damaged.
    """
    if is_hdf5(path):
        with open_hdf5(path) as file:
            yield Arrays(_layer_groups(file), by_layer=True)
        return
    with _open_zip(path) as archive:
        if "model.weights.h5" not in archive.namelist():
            raise KerasFileError("holds no weights (no model.weights.h5 in the zip)")
        content = io.BytesIO(archive.read("model.weights.h5"))
    with open_hdf5(content) as file:
        yield Arrays(_tree(file), by_layer=False)


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


@contextmanager
def open_hdf5(source: Path | io.BytesIO) -> Iterator[Any]:
    """Yield the open ``h5py.File``; damage found while the block reads becomes one clear error."""
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError(
            "reading Keras models needs h5py; run: pip install 'make-updatable[keras]'"
        ) from error
    try:
        with h5py.File(source, "r") as file:
            yield file
    except (OSError, RuntimeError) as error:  # what h5py raises for bad bytes
        raise KerasFileError(DAMAGED) from error


@contextmanager
def _open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise KerasFileError(DAMAGED) from error


def _json_of_hdf5(file: Any) -> Stored:
    attributes = file.attrs
    if "model_config" not in attributes:
        if "layer_names" in attributes or "layer_names0" in attributes or "layers" in file:
            raise KerasFileError(
                "holds weights only, no architecture; write the whole model: "
                "model.save('model.keras')"
            )
        raise KerasFileError("is an HDF5 file, but holds no Keras model")
    weights = file["model_weights"].attrs if "model_weights" in file else {}
    version, backend = (
        text(attributes.get(key, weights.get(key, ""))) for key in ("keras_version", "backend")
    )
    return Stored(
        architecture=_parse(attributes["model_config"]),
        training=_parse(attributes.get("training_config", "null")),
        version=version or "1",
        backend=backend,
    )


def _json_of_zip(archive: zipfile.ZipFile) -> Stored:
    names = archive.namelist()
    if "config.json" not in names:
        torch = any(name.endswith("data.pkl") for name in names)
        raise KerasFileError(
            f"is {'a PyTorch file' if torch else 'a zip'}, and holds no Keras model"
        )
    architecture = _parse(archive.read("config.json"))
    metadata = _parse(archive.read("metadata.json")) if "metadata.json" in names else {}
    return Stored(
        architecture=architecture,
        training=architecture.get("compile_config"),
        version=metadata.get("keras_version") or "3",
        backend="tensorflow",
    )


def _layer_groups(file: Any) -> Group:
    """Return the groups of a legacy HDF5 file, one child for each layer, in order."""
    weights = file.get("model_weights", file)
    root = Group()
    for layer in _names(weights.attrs, "layer_names"):
        names = _names(weights[layer].attrs, "weight_names")
        arrays = [(name, weights[layer][name]) for name in names]
        root.children[layer] = Group(layer, arrays)
    return root


def _names(attributes: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of names, joining the parts that Keras splits a long list into."""
    if key in attributes:
        parts = [attributes[key]]
    else:
        parts = []
        while f"{key}{len(parts)}" in attributes:
            parts.append(attributes[f"{key}{len(parts)}"])
    return [text(name) for part in parts for name in part]


def _tree(file: Any) -> Group:
    """Return the groups below ``model.weights.h5``: "layers/dense/vars/0" is array 0 of "dense".

    Keras on Windows wrote some of the slashes as backslashes.
    """
    root = Group()

    def visit(path: str, item: Any) -> None:
        path = path.replace("\\", "/")
        owner, _, last = path.rpartition("/")
        if path.split("/")[0] in ("optimizer", "optimizer_experimental"):
            return
        if last == "vars":
            root.child(owner).name = text(item.attrs.get("name", ""))
        elif owner.endswith("vars"):
            root.child(owner.removesuffix("vars")).arrays.append((last, item))

    file.visititems(visit)
    for group in _all(root):
        group.arrays.sort(key=lambda array: int(array[0]) if array[0].isdigit() else 0)
    return root


def _all(group: Group) -> Iterator[Group]:
    yield group
    for child in group.children.values():
        yield from _all(child)


def text(value: Any) -> str:
    """Return an HDF5 attribute as text: h5py gives bytes or str, by the age of the file."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _parse(value: Any) -> Json:
    try:
        return json.loads(text(value))
    except ValueError as error:
        raise KerasFileError(f"its configuration is not valid JSON ({error})") from error
