"""What is in a Keras file before it is understood: JSON, and a tree of arrays still on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from converter.errors import KerasFileError

Json: TypeAlias = Any
"""Whatever ``json.loads`` returns."""

Dataset: TypeAlias = Any
"""An array still on disk, which has a shape and is read by ``dataset[()]``: of h5py, or ours."""

LARGEST_WHOLE = 2**53
"""From here on, floats do not hold every integer."""

LARGEST_JSON = 2**24
"""Characters. Keras writes a thousand or two for each layer, and JSON takes up to forty times its
length as objects in memory."""

READY = b"ready\n"
"""What the process that reads HDF5 says first."""

DAMAGED = "is damaged or truncated; copy or export it again"

TOO_LONG = f"its configuration is longer than {LARGEST_JSON / 1e6:.0f} MB, which no model needs"


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
    """All arrays of a file, in one of three layouts.

    `by_layer`: the children of `root` are named after the model's layers, and hold the arrays of
    nested models flat (every HDF5 model file); if they are only `in_order`, they stand for the
    layers that have weights one after the other, whatever their names (checkpoints). Otherwise they
    are named after classes and nest as the layers do (``model.weights.h5`` in a ``.keras`` zip).
    `version` and `backend` are those of the Keras that wrote them, empty where that is not said.
    """

    root: Group
    by_layer: bool
    in_order: bool = False
    version: str = ""
    backend: str = ""


@dataclass(frozen=True)
class Place:
    """An HDF5 file: all of `path`, or `size` bytes of it from `start` on."""

    path: Path
    start: int = 0
    size: int | None = None


@dataclass(frozen=True)
class Stored:
    """The JSON of one Keras file, and the Keras that wrote it."""

    architecture: Json
    training: Json
    version: str
    backend: str


def all_groups(group: Group) -> Iterator[Group]:
    """Yield `group` and all groups below."""
    yield group
    for child in group.children.values():
        yield from all_groups(child)


def text(value: Any) -> str:
    """Return an HDF5 attribute as text: h5py gives bytes or str, by the age of the file."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def parse(value: Any) -> Json:
    """Return the JSON in an attribute or a member of a zip."""
    try:
        stored = text(value)
        if len(stored) > LARGEST_JSON:
            raise KerasFileError(TOO_LONG)
        return json.loads(stored)
    except (ValueError, RecursionError) as error:
        raise KerasFileError(f"its configuration is not valid JSON ({error})") from error


def whole(stored: Json) -> Json:
    """Return `stored` with integers for whole numbers: some writers give a size as 270.0.

    Keras wants integers for sizes, and takes them for whatever else a layer is configured with.
    """
    if isinstance(stored, float) and stored.is_integer() and abs(stored) < LARGEST_WHOLE:
        return int(stored)
    if isinstance(stored, list):
        return [whole(part) for part in stored]
    if isinstance(stored, dict):
        return {key: whole(part) for key, part in stored.items()}
    return stored
