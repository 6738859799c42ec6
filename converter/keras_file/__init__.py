"""What a Keras file holds, of any version, taken out without running or building anything.

`storage` finds the JSON and the arrays, in a row for each form of a model (`unpacked`, `zipped`,
`reader` and, in a process of its own, `child` and `hdf5`; `tensorflow_js` and `shards`); `spelling`
(with `keras1`) brings each layer to today's names; `graph` and `calls` read how the layers hang
together; `stored_code` keeps Python code out, `inputs` fills in the size of the input, and
`teachable` reads what an export says beside its model.
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
from converter.keras_file.storage import check_kind, is_graph, open_arrays, read_json
from converter.keras_file.teachable import Stated, stated
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
    "Stated",
    "StoredLayer",
    "StoredModel",
    "Tensor",
    "check_kind",
    "decoded",
    "input_shape",
    "is_graph",
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

    `scaling` is the one that was given if no Lambda of the file stands for it, else None. `stated`
    is what lies beside the model.
    """

    model: StoredModel
    training: Json
    origin: Origin
    notes: tuple[str, ...]
    scaling: Scaling | None = None
    stated: Stated | None = None


def read(
    path: Path,
    *,
    given: Path | None = None,
    allow_unsafe: bool = False,
    input_shape: tuple[int, ...] | None = None,
    scaling: Scaling | None = None,
) -> KerasFile:
    """Read architecture and compile settings of a model in any of the forms of `storage`.

    `given` is what the user named, if that is a zip or folder with the model `path` in it.
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
        (*parser.notes, *stored.notes),
        scaling if model is written else None,
        stated(path, written, given or path),
    )
