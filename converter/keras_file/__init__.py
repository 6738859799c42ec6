"""What a Keras file holds, of any version, taken out without running or building anything.

`storage` finds the JSON and the arrays, in a row for each form of a model (`unpacked`, `zipped`,
`reader` and, in a process of its own, `child` and `hdf5`); `spelling` (with `keras1`) brings each
layer to today's names; `graph` and `calls` read how the layers hang together; `stored_code` keeps
Python code out, and `inputs` fills in the size of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from converter.keras_file import stored_code
from converter.keras_file.calls import Call, Tensor, decoded
from converter.keras_file.content import Arrays, Dataset, Group, Json
from converter.keras_file.graph import Parser, StoredLayer, StoredModel
from converter.keras_file.inputs import input_shape, with_fixed_input
from converter.keras_file.reader import prepare
from converter.keras_file.spelling import Origin
from converter.keras_file.storage import check_kind, open_arrays, read_json
from converter.keras_file.unpacked import unpacked

__all__ = [
    "Arrays",
    "Call",
    "Dataset",
    "Group",
    "Json",
    "KerasFile",
    "Origin",
    "Scaling",
    "StoredLayer",
    "StoredModel",
    "Tensor",
    "check_kind",
    "decoded",
    "input_shape",
    "open_arrays",
    "prepare",
    "read",
    "unpacked",
]

Scaling: TypeAlias = tuple[float | Sequence[float], float | Sequence[float]]
"""The scale and the bias of ``scale * x + bias``: numbers, or one number a channel."""


@dataclass(frozen=True)
class KerasFile:
    """A Keras file without its arrays; `training` is the JSON of its compile settings.

    `scaling` is the one that was given if no Lambda of the file stands for it, else None.
    """

    model: StoredModel
    training: Json
    origin: Origin
    notes: tuple[str, ...]
    scaling: Scaling | None = None


def read(
    path: Path,
    *,
    allow_unsafe: bool = False,
    input_shape: tuple[int, ...] | None = None,
    scaling: Scaling | None = None,
) -> KerasFile:
    """Read architecture and compile settings of a ``.h5``, ``.hdf5`` or ``.keras`` file.

    `scaling` takes the place of a Lambda on the input, other code is refused unless `allow_unsafe`.
    `input_shape`, without the batch axis, fills dimensions of the input that the file leaves open.

    Raises:
        KerasFileError: the file is missing, damaged, weights only, subclassed, unsafe or not
            understood, or dimensions of its input stay open.
    """
    stored = read_json(path)
    origin = Origin(stored.version, stored.backend)
    parser = Parser(origin)
    written = parser.model(stored.architecture)
    model = stored_code.with_scaling(written, *scaling) if scaling is not None else written
    if not allow_unsafe:
        stored_code.refuse(model)
    return KerasFile(
        with_fixed_input(model, input_shape),
        stored.training,
        origin,
        tuple(parser.notes),
        scaling if model is written else None,
    )
