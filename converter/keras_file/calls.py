"""How layers of a functional model were called: the three notations of Keras 1, 2 and 3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.errors import KerasFileError
from converter.keras_file.content import Json, whole
from converter.keras_file.names import built_name


@dataclass(frozen=True)
class Tensor:
    """One tensor of a functional model: output number `output` of a call of `layer`."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class Call:
    """One call of a layer; `Tensor`s stand anywhere inside the arguments."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


CONSTANT = "_CONSTANT_VALUE"
"""What Keras 2 writes instead of a layer's name where a layer was called on a number."""

COUNTED = (
    "axes", "axis", "block_size", "ksize", "newshape", "paddings", "perm", "repeats", "shape",
    "size", "strides",
)  # fmt: skip
"""Arguments of functions that are integers, even where a file has 3.0; others keep their type."""


def to_call(node: Json, keep_list: bool = False) -> Call:
    """Return the call that one entry of ``inbound_nodes`` describes.

    Keras 3 writes ``{"args": [...], "kwargs": {...}}``. Earlier: ``["name", call, output,
    {kwargs}]``, or a list (dictionary) of these, where a list of one means that one unless
    `keep_list`; every entry repeats the same kwargs.
    """
    if isinstance(node, Mapping) and "args" in node:
        return Call(tuple(value(part) for part in node["args"]), decoded(node["kwargs"]))
    kwargs: dict[str, Any] = {}
    first = _first_argument(node, kwargs)
    if isinstance(first, list) and len(first) == 1 and not keep_list:
        first = first[0]
    return Call((first,), kwargs)


def _first_argument(node: Json, kwargs: dict[str, Any]) -> Any:
    if isinstance(node, Mapping):
        return {key: _first_argument(part, kwargs) for key, part in node.items()}
    if not _is_tensor(node):
        return [_first_argument(part, kwargs) for part in node]
    if len(node) == 4:
        kwargs.update(decoded(node[3]))
    return value(node[2]) if node[0] == CONSTANT else _tensor(node)


def structure(stored: Json) -> Any:
    """Return ``input_layers`` or ``output_layers``: one tensor, or a list or dictionary of them."""
    if isinstance(stored, list) and not _is_tensor(stored):
        return [structure(part) for part in stored]
    if isinstance(stored, Mapping):
        return {key: structure(part) for key, part in stored.items()}
    return _tensor(stored)


def decoded(arguments: Mapping[str, Json]) -> dict[str, Any]:
    """Return `arguments` with tensors, tuples, slices and arrays put back."""
    return {key: value(whole(part) if key in COUNTED else part) for key, part in arguments.items()}


def value(stored: Json) -> Any:
    """Return a stored argument with tensors, tuples, slices and arrays put back.

    Raises:
        KerasFileError: it is of a kind that is not known.
    """
    if isinstance(stored, list):
        return _tensor(stored) if _is_tensor(stored) else [value(part) for part in stored]
    if not isinstance(stored, Mapping):
        return stored
    if set(stored) == {"start", "stop", "step"}:  # how TensorFlow's getitem stores a slice
        return slice(*(whole(stored[part]) for part in ("start", "stop", "step")))
    if "class_name" not in stored:
        return decoded(stored)
    return _object(stored["class_name"], stored)


def _object(class_name: str, stored: Mapping[str, Json]) -> Any:
    config: Json = stored.get("config")
    if class_name == "__keras_tensor__":
        return _tensor(config["keras_history"])
    if class_name == "__slice__":
        return slice(*(value(whole(config[part])) for part in ("start", "stop", "step")))
    if class_name in ("__tuple__", "TensorShape"):
        items = stored.get("items") or config["value"]
        return tuple(value(whole(part)) for part in items)
    if class_name in ("__ellipsis__", "Ellipsis"):
        return ...
    if class_name in ("__tensor__", "__numpy__"):
        return np.array(config["value"], config["dtype"])
    raise KerasFileError(f"was called with an object that is not known here ({class_name})")


def _is_tensor(stored: Json) -> bool:
    """Tell ``["name", call, output]``, with or without kwargs behind, from other lists."""
    return (
        isinstance(stored, list)
        and len(stored) in (3, 4)
        and isinstance(stored[0], str)
        and isinstance(stored[1], (int, float))
    )


def _tensor(stored: Json) -> Tensor:
    return Tensor(built_name(stored[0]), int(stored[1]), int(stored[2]))
