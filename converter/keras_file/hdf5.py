"""Keras models in HDF5: every ``.h5`` file, and the weights inside of ``.keras`` zips.

This runs in a process of its own, see `reader`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from converter.errors import KerasFileError
from converter.keras_file.content import DAMAGED, Arrays, Group, all_groups, text


@contextmanager
def open_hdf5(source: Path | io.IOBase) -> Iterator[Any]:
    """Yield the open ``h5py.File``; damage found while the block reads becomes one clear error."""
    import h5py

    try:
        with h5py.File(source, "r") as file:
            yield file
    except FOUND_DAMAGED as error:
        raise KerasFileError(DAMAGED) from error


FOUND_DAMAGED = (
    AttributeError,
    KeyError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What h5py has for bad bytes, and what comes of a group where an array should be."""


def model_texts(file: Any) -> dict[str, str]:
    """Return the JSON in an open HDF5 model file as it stands there, and what wrote it."""
    attributes = file.attrs
    if "model_config" not in attributes:
        if "layer_names" in attributes or "layer_names0" in attributes or "layers" in file:
            raise KerasFileError(
                "holds weights only, no architecture; write the whole model: "
                "model.save('model.keras'), or the architecture, model.to_json(), into a file that "
                "you give as the model, and this one with --weights"
            )
        raise KerasFileError("is an HDF5 file, but holds no Keras model")
    version, backend = _writer(file)
    return {
        "architecture": text(attributes["model_config"]),
        "training": text(attributes.get("training_config", "null")),
        "version": version or "1",
        "backend": backend,
    }


def _writer(file: Any) -> tuple[str, str]:
    """Return the version and backend of the Keras that wrote a file, empty where it is not said."""
    weights = file["model_weights"].attrs if "model_weights" in file else {}
    version, backend = (
        text(file.attrs.get(key, weights.get(key, ""))) for key in ("keras_version", "backend")
    )
    return version, backend


def stored_arrays(file: Any) -> Arrays:
    """Return the arrays in an open HDF5 file, of a model or of weights alone, in its layout."""
    weights = file.get("model_weights", file)
    if "layer_names" in weights.attrs or "layer_names0" in weights.attrs:
        version, backend = _writer(file)
        return Arrays(layer_groups(weights), True, version=version, backend=backend)
    return Arrays(class_groups(file), by_layer=False, version="3")


def put_array(path: Path, name: str, octets: bytes) -> None:
    """Let the array `name` in the HDF5 file `path` hold `octets`, as many as it has."""
    import h5py
    import numpy as np

    try:
        with h5py.File(path, "r+", locking=False) as file:  # who asks for this has locked it
            array = file[name]
            array[...] = np.frombuffer(octets, array.dtype).reshape(array.shape)
    except FOUND_DAMAGED as error:
        raise KerasFileError(DAMAGED) from error


def layer_groups(weights: Any) -> Group:
    """Return the groups in a legacy HDF5 file, one child for each layer, in order."""
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


def class_groups(file: Any) -> Group:
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
    for group in all_groups(root):
        group.arrays.sort(key=lambda array: int(array[0]) if array[0].isdigit() else 0)
    return root
