"""What a Keras file holds, of any version, taken out without running or building anything.

`storage` finds the JSON and the arrays (`hdf5`, `zipped`); `spelling` (with `keras1`) brings each
layer to today's names; `graph` and `calls` read how the layers hang together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from converter.keras_file.calls import Call, Tensor, decoded
from converter.keras_file.content import Arrays, Dataset, Group, Json
from converter.keras_file.graph import Parser, StoredLayer, StoredModel
from converter.keras_file.inputs import input_shape, with_fixed_input
from converter.keras_file.spelling import Origin
from converter.keras_file.storage import open_arrays, read_json

__all__ = [
    "Arrays",
    "Call",
    "Dataset",
    "Group",
    "Json",
    "KerasFile",
    "Origin",
    "StoredLayer",
    "StoredModel",
    "Tensor",
    "decoded",
    "input_shape",
    "open_arrays",
    "read",
    "with_fixed_input",
]


@dataclass(frozen=True)
class KerasFile:
    """A Keras file without its arrays; `training` is the JSON of its compile settings."""

    model: StoredModel
    training: Json
    origin: Origin
    notes: tuple[str, ...]


def read(path: Path) -> KerasFile:
    """Read architecture and compile settings of a ``.h5``, ``.hdf5`` or ``.keras`` file.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, subclassed or not understood.
    """
    stored = read_json(path)
    origin = Origin(stored.version, stored.backend)
    parser = Parser(origin)
    return KerasFile(
        parser.model(stored.architecture), stored.training, origin, tuple(parser.notes)
    )
