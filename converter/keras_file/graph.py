"""The architecture in a Keras file as plain data: models, layers, and how they call each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from converter.errors import KerasFileError
from converter.keras_file import keras1, spelling
from converter.keras_file.calls import Call, structure, to_call
from converter.keras_file.content import Json, whole
from converter.keras_file.inference import refuse_training_mode
from converter.keras_file.names import built_name
from converter.keras_file.spelling import Origin


@dataclass(frozen=True)
class StoredLayer:
    """A layer in today's spelling.

    `kind` is its class, and `arguments` go to the constructor (a `StoredLayer` among them is a
    layer inside a wrapper). The arrays are found by `stored_name` and `stored_class`, as they
    stand in the file. `is_function` tells operations of ``keras.ops`` from layers. A class of
    somebody's own is known by `registered_name` and gets `config`.
    """

    name: str
    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    trainable: bool = True
    shared_id: int | None = None
    stored_name: str = ""
    stored_class: str = ""
    is_function: bool = False
    registered_name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredModel(StoredLayer):
    """A model: `kind` is "Sequential" or "Functional"; `inputs` and `outputs` nest `Tensor`s.

    `input_shape`, batch included, is what a Sequential without an input layer says of its input.
    """

    layers: tuple[StoredLayer, ...] = ()
    inputs: Any = ()
    outputs: Any = ()
    input_shape: tuple[int | None, ...] | None = None


WRAPPED = ("layer", "forward_layer", "backward_layer", "cell")
"""Arguments of wrappers that hold a layer, or a list of layers."""


class Parser:
    """Reads the architecture JSON of one file; `notes` collects what its user should know."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.notes: dict[str, None] = {}  # a set that keeps its order

    def model(self, stored: Json) -> StoredModel:
        """Return the model in `stored`, nested models included.

        Raises:
            KerasFileError: it is a subclassed model, or a layer cannot be brought to today.
        """
        if not is_model(stored):
            raise KerasFileError(
                f"is a subclassed model ({stored.get('class_name')}): how it computes is Python "
                "code, which no Keras file holds; export it where that code is, "
                "model.export('folder'), and convert the folder"
            )
        config = stored["config"]
        if isinstance(config, list):  # a Sequential of Keras 1, or of Keras 2 up to 2.2.2
            config = {"layers": config}
        functional = "input_layers" in config
        name = stored.get("name") or config.get("name") or "sequential"
        if stored["class_name"] not in ("Functional", "Model", "Sequential"):
            self.notes[f"{stored['class_name']} {name!r} is read as a plain Keras model"] = None
        layers = self._with_data_format(self._without_idle(config["layers"]))
        return StoredModel(
            name=built_name(name),
            kind="Functional" if functional else "Sequential",
            calls=tuple(to_call(node) for node in stored.get("inbound_nodes") or ()),
            trainable=config.get("trainable", True),
            shared_id=stored.get("shared_object_id"),
            stored_name=name,
            stored_class=stored["class_name"],
            layers=tuple(self.layer(layer) for layer in layers),
            inputs=structure(config["input_layers"]) if functional else (),
            outputs=structure(config["output_layers"]) if functional else (),
            input_shape=None if functional else _input_shape(stored, config),
        )

    def layer(self, stored: Json) -> StoredLayer:
        """Return one layer, or nested model, of a model."""
        if is_model(stored):
            return self.model(stored)
        config = _with_whole_numbers(stored)
        stored_name = _stored_name(stored, config)
        name = stored_name or stored["class_name"]
        try:
            _check_sizes(config)
            kind, arguments = spelling.to_today(stored["class_name"], config, self.origin)
            arguments |= self._dtype(arguments.pop("dtype", None))
            arguments = {key: self._argument(key, part) for key, part in arguments.items()}
        except KerasFileError as error:
            raise about(name, stored["class_name"], error) from error
        if config.get("lora_rank"):
            self.notes[f"LoRA of layer {name!r} is merged into its kernel, which learns itself"] = (
                None
            )
        keep_list = stored["class_name"] in ("TFOpLambda", "SlicingOpLambda")
        calls = tuple(to_call(node, keep_list) for node in stored.get("inbound_nodes") or ())
        for call in calls:
            self._check_mode(name, stored["class_name"], call)
        return StoredLayer(
            name=built_name(name),
            kind=kind,
            arguments={**arguments, "name": built_name(name)},
            calls=calls,
            trainable=config.get("trainable", True),
            shared_id=stored.get("shared_object_id"),
            stored_name=stored_name,
            stored_class=stored["class_name"],
            is_function=_is_function(stored, self.origin),
            registered_name=stored.get("registered_name") or stored["class_name"],
            config=config,
        )

    def _argument(self, key: str, stored: Json) -> Any:
        """Return an argument of a constructor, wrapped layers as `StoredLayer`."""
        if isinstance(stored, Mapping) and (key in WRAPPED or _is_layer_as_activation(key, stored)):
            return self.layer(stored)
        if key in (*WRAPPED, "cells") and isinstance(stored, list):
            return [self.layer(part) for part in stored]
        return stored

    def _check_mode(self, name: str, class_name: str, call: Call) -> None:
        try:
            refuse_training_mode(class_name, call.kwargs, self.origin.major)
        except KerasFileError as error:
            raise about(name, class_name, error) from error

    def _dtype(self, stored: Json) -> dict[str, str]:
        """Return the argument `dtype`: none for floats, because all is computed in float32."""
        name = spelling.dtype_name(stored)
        if name not in spelling.FLOATS:
            return {"dtype": name}
        if name != "float32":
            self.notes[f"the file computes in {name}; float32 is used instead"] = None
        return {}

    def _without_idle(self, layers: list[Json]) -> list[Json]:
        idle = [layer for layer in layers if layer["class_name"] in spelling.IDLE_CLASSES]
        if idle:
            self.notes["a loss or metric that the model adds by itself is left out"] = None
        return [layer for layer in layers if layer not in idle]

    def _with_data_format(self, layers: list[Json]) -> list[Json]:
        """Give layers of Keras 1 that state no ``dim_ordering`` that of their neighbours."""
        if self.origin.major > 1:
            return layers
        stated = {(layer.get("config") or {}).get("dim_ordering") for layer in layers}
        if "th" not in stated:
            return layers
        self.notes[keras1.THEANO_NOTE] = None
        silent = (layer for layer in layers if layer["class_name"] in keras1.SILENT_ABOUT_FORMAT)
        for layer in silent:
            layer["config"].setdefault("dim_ordering", "th")
        return layers


def every_layer(layer: StoredLayer) -> Iterator[StoredLayer]:
    """Yield `layer`, and the layers in it: of a nested model, or inside of a wrapper."""
    yield layer
    for part in layer.layers if isinstance(layer, StoredModel) else ():
        yield from every_layer(part)
    for value in layer.arguments.values():
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, StoredLayer):
                yield from every_layer(part)


def about(name: str, class_name: str, error: Exception) -> KerasFileError:
    """Return `error` with the layer that it is about in front, unless it already names one."""
    message = str(error)
    if not message.startswith("layer "):
        message = f"layer {name!r} ({class_name}) {message}"
    return KerasFileError(message)


def is_model(stored: Json) -> bool:
    """Tell whether `stored` is a model that consists of layers, rather than a layer."""
    config = stored.get("config")
    if stored.get("class_name") == "Sequential" and isinstance(config, list):
        return True
    return isinstance(config, Mapping) and (
        "input_layers" in config
        or (stored.get("class_name") == "Sequential" and "layers" in config)
    )


def _is_function(stored: Json, origin: Origin) -> bool:
    """Tell an operation of ``keras.ops`` from a layer, of which some share names.

    A zip says where the class lives. HDF5 does not, but every layer's configuration says whether
    it is trainable.
    """
    if origin.major < 3:
        return False
    module = stored.get("module")
    return module.startswith("keras.src.ops.") if module else "trainable" not in stored["config"]


def _with_whole_numbers(stored: Json) -> Json:
    """Return a layer's configuration, sizes as integers; numbers for a function stay floats."""
    constants = stored["class_name"] in ("Lambda", "TensorFlowOpLayer")
    return stored["config"] if constants else whole(stored["config"])


def _stored_name(stored: Json, config: Json) -> str:
    """Return the name of a layer; empty if the file gives it none.

    Raises:
        KerasFileError: what stands in the place of the name is none.
    """
    given = [part["name"] for part in (stored, config) if "name" in part]
    names = [name for name in given if name and isinstance(name, str)]
    if given and not names:
        raise KerasFileError(
            f"holds a layer ({stored['class_name']}) whose name is {given[0]!r:.80}, which is none"
        )
    return names[0] if names else ""


SIZES = (
    "batch_input_shape", "batch_shape", "cropping", "depth_multiplier", "dilation_rate", "dims",
    "filters", "groups", "height", "kernel_size", "n", "output_padding", "padding", "pool_size",
    "size", "strides", "target_shape", "units", "width",
)  # fmt: skip
"""Arguments of layers that are whole numbers, or lists of such."""


def _check_sizes(config: Mapping[str, Any]) -> None:
    """Refuse truth values as sizes, which Python would take for 1 and 0.

    Raises:
        KerasFileError: a size is no number.
    """
    for key in SIZES:
        if key in config and _has_truth_value(config[key]):
            raise KerasFileError(f"has {key}={config[key]!r:.80}, of which one is no number")


def _has_truth_value(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_truth_value, value))
    return isinstance(value, bool)


def _is_layer_as_activation(key: str, stored: Json) -> bool:
    return key.endswith("activation") and "name" in (stored.get("config") or ())


def _input_shape(stored: Json, config: Json) -> tuple[int | None, ...] | None:
    """Return what a Sequential says of its input: its first layer, or how it was built."""
    first = (config["layers"][0].get("config") or {}) if config["layers"] else {}
    candidates: tuple[Json, ...] = (
        first.get("batch_input_shape") if isinstance(first, Mapping) else None,
        config.get("build_input_shape"),
        (stored.get("build_config") or {}).get("input_shape"),
    )
    return next((tuple(shape) for shape in map(whole, candidates) if _is_shape(shape)), None)


def _is_shape(stored: Json) -> bool:
    return isinstance(stored, list) and all(n is None or isinstance(n, int) for n in stored)
