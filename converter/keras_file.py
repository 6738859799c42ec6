"""What a Keras file holds, taken out of the HDF5 or zip without running or building anything."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.errors import KerasFileError, MissingDependencyError

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class KerasFile:
    """The JSON inside one Keras file: architecture, compile settings, version of its writer."""

    path: Path
    architecture: dict[str, Any]
    training: Any
    keras_version: str


def read(path: Path) -> KerasFile:
    """Read the JSON of a ``.h5``, ``.hdf5`` or ``.keras`` file, told apart by content, not by name.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, or no Keras model.
    """
    if path.is_dir():
        raise KerasFileError(
            f"{path}: is a folder (a SavedModel?); save the model with model.save('model.keras')"
        )
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise KerasFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    if start == HDF5_SIGNATURE:
        return _read_hdf5(path)
    if start.startswith(b"PK"):
        return _read_zip(path)
    raise KerasFileError(f"{path}: is not a Keras model (neither HDF5 nor a .keras zip)")


def _read_hdf5(path: Path) -> KerasFile:
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError(
            "h5py is not installed; run: pip install 'make-updatable[keras]'"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            attributes = dict(file.attrs)
            weights_only = (
                "layer_names" in file.attrs or "layers" in file or "_layer_checkpoint" in file
            )
    except (OSError, RuntimeError) as error:
        raise KerasFileError(f"{path}: is damaged or truncated; copy it again") from error
    if "model_config" not in attributes:
        if weights_only:
            raise KerasFileError(
                f"{path}: holds weights only; save the whole model with model.save('model.keras')"
            )
        raise KerasFileError(f"{path}: is an HDF5 file, but holds no Keras model")
    return KerasFile(
        path,
        _json(attributes["model_config"], path),
        _json(attributes.get("training_config", "null"), path),
        _text(attributes.get("keras_version", "1")),
    )


def _read_zip(path: Path) -> KerasFile:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "config.json" not in names:
                raise KerasFileError(f"{path}: is a zip, but holds no Keras model (no config.json)")
            architecture = _json(archive.read("config.json"), path)
            metadata = (
                _json(archive.read("metadata.json"), path) if "metadata.json" in names else {}
            )
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise KerasFileError(f"{path}: is damaged or truncated; copy it again") from error
    return KerasFile(
        path, architecture, architecture.get("compile_config"), metadata.get("keras_version", "3")
    )


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _json(value: Any, path: Path) -> Any:
    try:
        return json.loads(_text(value))
    except ValueError as error:
        raise KerasFileError(f"{path}: its configuration is damaged ({error})") from error


def stored_code(config: Any) -> Iterator[str]:
    """Yield the name of every layer in `config` that carries Python code (Lambda, marshalled)."""
    for layer in layers_of(config):
        inner = layer.get("config") or {}
        if layer.get("class_name") == "Lambda" or _has_code(inner):
            yield inner.get("name") or layer.get("name") or layer["class_name"]


def layers_of(config: Any) -> Iterator[dict[str, Any]]:
    """Yield the stored layers of a model, those of nested models included."""
    inner = config.get("config") or {}
    for layer in inner if isinstance(inner, list) else inner.get("layers") or []:
        yield layer
        if _is_model(layer):
            yield from layers_of(layer)


def _is_model(layer: dict[str, Any]) -> bool:
    inner = layer.get("config")
    return isinstance(inner, list) or (isinstance(inner, dict) and "layers" in inner)


def _has_code(value: Any) -> bool:
    if isinstance(value, dict):
        if value.get("class_name") == "__lambda__":
            return True
        return any(_has_code(part) for key, part in value.items() if key != "layers")
    return isinstance(value, list) and any(_has_code(part) for part in value)
