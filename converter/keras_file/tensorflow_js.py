"""Layers models of TensorFlow.js: a ``model.json`` with the architecture, its weights in shards.

Written by ``tensorflowjs_converter`` (from Keras) or, in the browser, by ``model.save()``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from converter.errors import KerasFileError, reason
from converter.keras_file.content import LARGEST_JSON, TOO_LONG, Arrays, Group, Json, Stored, parse
from converter.keras_file.graph import is_model
from converter.keras_file.shards import QUANTIZED, ShardedArray, arrays

NAME = "model.json"

SIGN = re.compile(rb'"(modelTopology|weightsManifest)"\s*:')
"""A key that the JSON of a TensorFlow.js model has, and that of Keras alone has not."""

NUMBERS = {
    "beta1": "beta_1", "beta2": "beta_2", "initialAccumulatorValue": "initial_accumulator_value",
    "learningRate": "learning_rate", "useNesterov": "nesterov",
}  # fmt: skip
"""Argument of an optimizer in TensorFlow.js -> its name in Keras."""

OPTIMIZERS = {"Momentum": "SGD", "RMSProp": "RMSprop"}
"""Optimizer of TensorFlow.js -> the one of Keras that computes the same."""

NAMED = re.compile(r"(?:.*/)?vars/\d+")
"""Name of a weight where the converter read a ``.keras`` zip: its place there, no layer's name."""

LayerPath: TypeAlias = tuple[str, ...]
"""The name of a layer behind those of the models around it."""


def belongs(path: Path) -> bool:
    """Tell by its content whether `path` is the JSON of a TensorFlow.js model, or its folder."""
    file = _json_file(path)
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        start = opened.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not start.startswith(b"{"):
            return False
        return SIGN.search(start + opened.read(LARGEST_JSON)) is not None


def read_json(path: Path) -> Stored:
    """Read architecture and compile settings.

    Raises:
        KerasFileError: it is a graph model, holds weights only, or is no valid JSON.
    """
    whole = _whole(path)
    topology, model = _topology(whole)
    training = whole.get("trainingConfig") or topology.get("training_config")
    return Stored(
        architecture=model,
        training=_in_keras(training) if isinstance(training, Mapping) else None,
        version=str(topology.get("keras_version") or "tfjs-layers"),
        backend="tensorflow",
        notes=tuple(_notes(whole)),
    )


@contextmanager
def open_arrays(path: Path) -> Iterator[Arrays]:
    """Yield the arrays, by the layers that their names tell.

    Raises:
        KerasFileError: a shard is missing or of another length, or a weight is of no layer.
    """
    whole = _whole(path)
    found: dict[str, ShardedArray] = {}
    for array in arrays(whole.get("weightsManifest"), _json_file(path).parent):
        if found.setdefault(array.name, array) is not array:
            raise KerasFileError(f"names the weight {array.name!r} twice; export it again")
    if found and all(map(NAMED.fullmatch, found)):
        yield Arrays(_by_class(found.values()), by_layer=False)
    else:
        yield Arrays(_by_layer(found.values(), _topology(whole)[1]), by_layer=True)


def _notes(whole: Mapping[str, Json]) -> Iterator[str]:
    """Yield what became of the weights when they were written."""
    text = json.dumps(whole.get("weightsManifest"))
    kinds = [kind for kind in QUANTIZED if f'"dtype": "{kind}"' in text]
    if kinds:
        yield (
            f"weights are quantized to {' and '.join(kinds)} in the file; they are read as the "
            "float32 numbers that these stand for"
        )


def _json_file(path: Path) -> Path:
    return path / NAME if path.is_dir() else path


def _whole(path: Path) -> Mapping[str, Json]:
    """Return the JSON of the file that `path` is, or holds."""
    file = _json_file(path)
    try:
        if file.stat().st_size > LARGEST_JSON:
            raise KerasFileError(TOO_LONG)
        stored = parse(file.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise KerasFileError(f"cannot be read ({reason(error)})") from error
    if not isinstance(stored, Mapping):
        raise KerasFileError("is JSON, but describes no model")
    return stored


def _topology(whole: Mapping[str, Json]) -> tuple[Mapping[str, Json], Mapping[str, Json]]:
    """Return what is said of the model, and in it the model alone, as Keras spells it."""
    topology = whole.get("modelTopology")
    if isinstance(topology, Mapping) and "className" in topology:
        topology = _in_snake_case(topology)
    if not isinstance(topology, Mapping):
        raise KerasFileError(
            "holds weights of TensorFlow.js only, no architecture; export the whole model"
        )
    if whole.get("format") == "graph-model" or "node" in topology:
        raise KerasFileError(
            "is a graph model of TensorFlow.js, in which nothing can learn any more; export its "
            "Keras model as a layers model (the format tfjs_layers_model of tensorflowjs_converter)"
        )
    model = topology.get("model_config") or topology
    model = parse(model) if isinstance(model, str) else model
    if not (isinstance(model, Mapping) and "class_name" in model and "config" in model):
        raise KerasFileError("is JSON of TensorFlow.js whose modelTopology describes no model")
    return topology, model


def _in_snake_case(stored: Json, key: str = "") -> Json:
    """Return `stored` as TensorFlow.js writes it to files, for what was written as it is inside.

    https://github.com/tensorflow/tfjs: convertTsToPythonic of tfjs-layers, with names kept.
    """
    if isinstance(stored, Mapping):
        return {
            _snake(inner): part if inner in ("name", "className") else _in_snake_case(part, inner)
            for inner, part in stored.items()
        }
    if isinstance(stored, list):
        is_name = key in ("inboundNodes", "inputLayers", "outputLayers")
        return [
            part if is_name and place == 0 and isinstance(part, str) else _in_snake_case(part, key)
            for place, part in enumerate(stored)
        ]
    return _snake(stored) if isinstance(stored, str) else stored


def _snake(name: str) -> str:
    apart = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", apart).lower()


def _in_keras(training: Mapping[str, Json]) -> dict[str, Json]:
    """Return compile settings with the optimizer as Keras names it."""
    stored = training.get("optimizer_config")
    if not isinstance(stored, Mapping) or not isinstance(stored.get("config"), Mapping):
        return dict(training)
    config = {NUMBERS.get(key, key): value for key, value in stored["config"].items()}
    name = stored.get("class_name")
    name = OPTIMIZERS.get(name, name) if isinstance(name, str) else name
    return {**training, "optimizer_config": {"class_name": name, "config": config}}


def _by_layer(found: Iterable[ShardedArray], model: Json) -> Group:
    """Return a tree of groups named after the layers of `model`, in groups of nested models.

    Raises:
        KerasFileError: the name of a weight is that of no layer.
    """
    root, named = Group(), _layers(model)
    for array in found:
        owner = _owner(array.name, named)
        if owner is None:
            raise KerasFileError(
                f"holds a weight {array.name!r}, but no layer of that name; export it again"
            )
        group = root
        for name in owner:
            group = group.children.setdefault(name, Group(name))
        group.arrays.append((array.name, array))
    return root


def _layers(model: Json) -> dict[str, list[LayerPath]]:
    """Return the paths of the layers that are no models, by the layer's name."""
    named: dict[str, list[LayerPath]] = {}
    waiting: list[tuple[Json, LayerPath]] = [(model, ())]
    while waiting:
        around, path = waiting.pop()
        config = around["config"]
        for layer in config["layers"] if isinstance(config, Mapping) else config:
            inner = layer.get("config")
            own = inner.get("name") if isinstance(inner, Mapping) else None
            name = str(layer.get("name") or own or "sequential")
            if is_model(layer):
                waiting.append((layer, (*path, name)))
            else:
                named.setdefault(name, []).append((*path, name))
    return named


def _owner(weight: str, named: Mapping[str, Sequence[LayerPath]]) -> LayerPath | None:
    """Return the layer that `weight` is of: ``conv/kernel``, ``model/conv/kernel``, or with a cell.

    What stands nearest to its end counts, of layers with one name that in the models it names.
    """
    parts = weight.split("/")
    for end in range(len(parts) - 1, 0, -1):
        for start in range(end):
            if paths := named.get("/".join(parts[start:end])):
                return max(paths, key=lambda path: len(set(path[:-1]) & set(parts[:start])))
    return None


def _by_class(found: Iterable[ShardedArray]) -> Group:
    """Return a tree of groups as in a ``.keras`` zip, without the arrays of its optimizer."""
    root = Group()
    for array in sorted(found, key=lambda array: int(array.name.rpartition("/")[2])):
        owner, _, number = array.name.rpartition("/")
        if not owner.startswith("optimizer"):
            root.child(owner.removesuffix("vars")).arrays.append((number, array))
    return root
