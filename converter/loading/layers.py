"""One stored layer becomes one Keras layer, with every argument understood or refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from converter.backend.keras import application_class, in_one_line
from converter.backend.tensorflow import keras, tf
from converter.errors import KerasFileError
from converter.keras_file import Json, StoredLayer, decoded
from converter.keras_file.graph import about
from converter.keras_file.spelling import has_no_effect
from converter.loading.cropping import CROPS
from converter.loading.functions import operation
from converter.loading.lambdas import lambda_layer

NOT_READ = {
    "FlaxLayer": "runs a Flax module",
    "IntegerLookup": "may read a vocabulary from another file",
    "JaxLayer": "runs a JAX function",
    "StringLookup": "may read a vocabulary from another file",
    "TFSMLayer": "runs a SavedModel from another place",
    "TextVectorization": "may read a vocabulary from another file",
    "TorchModuleWrapper": "runs a PyTorch module",
}
"""Classes of Keras that reach outside of the file -> how."""


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """Return clip(0.2 x + 0.5, 0, 1); since Keras 3, hard_sigmoid(x) is clip(x / 6 + 0.5, 0, 1)."""
    return keras.activations.hard_sigmoid(1.2 * x)


# Keras writes and reads the layer inside a Bidirectional to copy it, so it must find the function.
keras.saving.register_keras_serializable("make-updatable")(hard_sigmoid_of_keras_2)


class Unwritten(keras.initializers.Initializer):  # type: ignore[misc]
    """Makes an array without writing to it: the file fills every weight, or loading fails.

    Written zeros would take as much memory as the weights, which TensorFlow keeps to the end.
    """

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Return an array of `shape` with arbitrary values."""
        return tf.raw_ops.Empty(shape=shape, dtype=dtype or "float32", init=False)


keras.saving.register_keras_serializable("make-updatable")(Unwritten)

EARLY_PENALTIES = {"L1L2Regularizer": "L1L2", "WeightRegularizer": "L1L2"}
"""Class of a regularizer in Keras 1 -> today's."""


class LayerMaker:
    """Makes Keras layers; `nested` makes the layers inside wrappers, `notes` collects remarks."""

    def __init__(self, nested: Callable[[StoredLayer], Any], notes: list[str]) -> None:
        self.nested = nested
        self.notes = notes

    def make(self, stored: StoredLayer) -> Any:
        """Return the Keras layer, or operation, that `stored` describes, not yet built.

        Raises:
            KerasFileError: its class, an argument or a function is not known.
        """
        try:
            if stored.kind == "Lambda":
                return lambda_layer(stored.arguments)
            return operation(stored) or self._layer(stored)
        except KerasFileError as error:
            raise about(stored.name, stored.stored_class, error) from error
        except Exception as error:  # whatever a constructor makes of arguments it cannot take
            reason = f"cannot be made: {in_one_line(error)}"
            raise about(stored.name, stored.stored_class, KerasFileError(reason)) from error

    def _layer(self, stored: StoredLayer) -> Any:
        custom = keras.saving.get_registered_object(stored.registered_name)
        if custom is not None:
            return custom.from_config(dict(stored.config))
        made_by = layer_class(stored.kind)
        if stored.kind in NOT_READ:
            raise KerasFileError(f"{NOT_READ[stored.kind]}, and cannot be read")
        if made_by is None:
            raise KerasFileError(
                "is of a class that Keras does not have; if it is your own, its code is not in the "
                "file: register it with keras.saving.register_keras_serializable"
            )
        return made_by(**self._arguments(stored, accepted_arguments(made_by)))

    def _arguments(self, stored: StoredLayer, accepted: frozenset[str]) -> dict[str, Any]:
        """Return what to call the constructor with; the file fills the weights."""
        arguments = {key: Unwritten() for key in accepted if key.endswith("_initializer")}
        for key, value in stored.arguments.items():
            if key in accepted and key != "trainable":
                arguments[key] = self._argument(key, value, stored)
            elif key != "trainable" and not has_no_effect(stored.kind, key, value):
                raise KerasFileError(
                    f"has the argument {key}={value!r}, which Keras {keras.__version__} does not "
                    "know; save the model again with this version"
                )
        return arguments

    def _argument(self, key: str, value: Any, stored: StoredLayer) -> Any:
        if isinstance(value, StoredLayer):
            return self.nested(value)
        if isinstance(value, list) and value and isinstance(value[0], StoredLayer):
            return [self.nested(part) for part in value]
        if key.endswith("activation"):
            return self._activation(value)
        if key.endswith(("_regularizer", "_constraint")):
            return self._penalty(key, value, stored)
        return decoded({key: value})[key]

    def _activation(self, stored: Json) -> Any:
        if stored is None:
            return None
        if not isinstance(stored, str):
            raise KerasFileError(f"has an activation that cannot be read ({stored!r:.80})")
        if hasattr(keras.activations, stored):
            return stored
        if stored == "hard_sigmoid_of_keras_2":
            return hard_sigmoid_of_keras_2
        if hasattr(keras.layers, stored):
            return self.nested(StoredLayer(name=stored.lower(), kind=stored))
        registered = keras.saving.get_registered_object(stored)
        if registered is None:
            raise KerasFileError(f"has the activation {stored!r}, which Keras does not have")
        return registered

    def _penalty(self, key: str, stored: Json, layer: StoredLayer) -> Any:
        """Return a regularizer or constraint: it changes training, but nothing that is computed."""
        if stored is None:
            return None
        module = keras.regularizers if key.endswith("regularizer") else keras.constraints
        if isinstance(stored, str):
            return module.get(stored)
        name = stored.get("class_name") or stored.get("name")
        early = {("max_value" if key == "m" else key): value for key, value in stored.items()}
        config = stored.get("config", early)  # Keras 1 wrote them beside the name
        found = getattr(module, EARLY_PENALTIES.get(name, name), None)
        if not isinstance(found, type):
            self.notes.append(f"layer {layer.name!r}: its {key} {name!r} is not known and left out")
            return None
        return found(**{k: v for k, v in config.items() if k in accepted_arguments(found)})


def layer_class(name: str) -> type | None:
    """Return the class of Keras with this name, or None."""
    found = CROPS.get(name) or application_class(name) or getattr(keras.layers, name, None)
    is_layer = inspect.isclass(found) and issubclass(found, keras.layers.Layer)
    return found if is_layer else None


@cache
def accepted_arguments(made_by: Any) -> frozenset[str]:
    """Return the names of all arguments that a constructor takes, its base classes' included."""
    names: set[str] = set()
    for base in made_by.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return frozenset(names - {"self"})
