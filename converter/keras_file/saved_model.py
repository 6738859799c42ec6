"""SavedModel folders that Keras 2 wrote: the JSON in their metadata, and a checkpoint.

Beside the graph, which is not looked at, Keras stored of each layer what an ``.h5`` holds: from
TensorFlow 2.5 on in ``keras_metadata.pb``, before in the description of the objects inside of
``saved_model.pb``; ``tf.keras.experimental.export_saved_model`` of TensorFlow 1.13 to 2.0 put the
architecture alone into ``assets/saved_model.json``. Fields are numbered as in
https://github.com/keras-team/keras/blob/v2.15.0/keras/protobuf/saved_metadata.proto and
https://github.com/tensorflow/tensorflow/blob/v2.4.0/tensorflow/core/protobuf/saved_object_graph.proto
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from converter.errors import KerasFileError
from converter.keras_file import architecture
from converter.keras_file.checkpoint import VARIABLES, prefix_of
from converter.keras_file.content import DAMAGED, Arrays, Stored, parse
from converter.keras_file.objects import arrays
from converter.keras_file.protobuf import messages
from converter.keras_file.protobuf import text as text_of

SEQUENCES = ("__tuple__", "TensorShape")
"""Classes by which the metadata marks what an ``.h5`` holds as a list."""

GRAPH, METADATA = "saved_model.pb", "keras_metadata.pb"
ARCHITECTURE = Path("assets", "saved_model.json")


def is_saved_by_keras(path: Path) -> bool:
    """Tell whether `path` is a SavedModel with the configuration of a functional or Sequential
    model of Keras.
    """
    if not (path / GRAPH).is_file():
        return False
    try:
        return _is_described(_root(path))
    except KerasFileError:
        # Damaged, which is said when it is read.
        return (path / METADATA).is_file() or (path / ARCHITECTURE).is_file()


def model_json(path: Path) -> Stored:
    """Return the JSON of the model that the folder `path` holds.

    Raises:
        KerasFileError: it is damaged.
    """
    root = _root(path)
    if not _is_described(root):
        raise KerasFileError(DAMAGED)
    version = root.get("keras_version")
    return Stored(
        root["model_config"],
        root.get("training_config"),
        version if isinstance(version, str) else "2",
        "tensorflow",
    )


def model_arrays(path: Path) -> Arrays:
    """Return the arrays of the model that the folder `path` holds, still on disk.

    Raises:
        KerasFileError: they are missing or damaged.
    """
    if prefix_of(path) != path / VARIABLES:
        raise KerasFileError("lacks its file variables/variables.index; copy the whole folder")
    return arrays(path / VARIABLES)


def _is_described(root: Any) -> bool:
    """Tell whether the JSON of a model says what layers it has, as a subclassed one's does not."""
    if not isinstance(root, dict) or not isinstance(root.get("model_config"), dict):
        return False
    config = root["model_config"].get("config")
    return isinstance(config, list) or (isinstance(config, dict) and "layers" in config)


def _root(path: Path) -> Any:
    """Return the JSON of the model itself, None if there is none."""
    if (path / ARCHITECTURE).is_file():
        stored = architecture.read(path / ARCHITECTURE)
        return {"model_config": stored.architecture, "keras_version": stored.version}
    metadata = path / METADATA
    found = _of_metadata(metadata) if metadata.is_file() else _of_graph(path / GRAPH)
    text = next(filter(None, found), "")
    return _unmarked(parse(text)) if text else None


def _unmarked(value: Any) -> Any:
    """Return JSON with lists for what is marked as a tuple or a shape."""
    if isinstance(value, dict):
        if value.get("class_name") in SEQUENCES and isinstance(value.get("items"), list):
            return _unmarked(value["items"])
        return {key: _unmarked(part) for key, part in value.items()}
    return [_unmarked(part) for part in value] if isinstance(value, list) else value


def _of_metadata(path: Path) -> Iterator[str]:
    for node in messages(_mapped(path), 1):
        if text_of(node, 3) == "root":
            yield text_of(node, 5)


def _of_graph(path: Path) -> Iterator[str]:
    """Yield the JSON of the first object of each graph: what was saved."""
    for graph in messages(_mapped(path), 2):
        for objects in messages(graph, 7):
            node = next(messages(objects, 1), memoryview(b""))
            yield from (text_of(user, 3) for user in messages(node, 4))


def _mapped(path: Path) -> memoryview:
    """Return the bytes of a file, of which only those that are looked at are read."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise KerasFileError(f"has an empty file {path.name}; copy it again")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
